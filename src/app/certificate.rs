//! What wears out at our own door: the certificate of the public listener.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::clock::Clock;
use connector_kit::{Check, Upkeep, readiness};

use crate::intake::Tls;

/// Where it stands in the config; no connector can be called so.
pub(super) const NAME: &str = "listen.tls";

/// Looks when the certificate in force ends.
pub(super) struct Certificate {
    pub(super) tls: Arc<Tls>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Upkeep for Certificate {
    async fn tend(&self) -> Vec<Check> {
        let Some(end) = self.tls.ends_at() else {
            return vec![Check::unknown("certificate", "it does not say when it ends")];
        };
        let what = "the certificate of the public listener";
        let remedy = "put a new one in its place, then leadsync ctl reload";
        vec![readiness::ending(
            "certificate",
            what,
            end,
            self.clock.now(),
            remedy,
        )]
    }
}
