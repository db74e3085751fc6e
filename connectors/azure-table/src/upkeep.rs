//! What wears out while nobody looks: a shared access signature ends on the day it names.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{Check, Upkeep, readiness};

use crate::access::Access;
use crate::api::Table;

/// Looks at the signature, without a call.
struct Wear(Arc<Table>);

/// Something to look after, where the table is opened by a signature that ends.
pub(crate) fn of(table: &Arc<Table>) -> Option<Arc<dyn Upkeep>> {
    ends(table).map(|_| -> Arc<dyn Upkeep> { Arc::new(Wear(Arc::clone(table))) })
}

fn ends(table: &Table) -> Option<chrono::DateTime<chrono::Utc>> {
    match &table.access {
        Access::Sas(sas) => sas.expires(),
        _ => None,
    }
}

#[async_trait]
impl Upkeep for Wear {
    async fn tend(&self) -> Vec<Check> {
        let end = ends(&self.0).map(|end| {
            let (what, remedy) = ("the shared access signature", "make a new one");
            readiness::ending("signature", what, end, self.0.clock.now(), remedy)
        });
        end.into_iter().collect()
    }
}
