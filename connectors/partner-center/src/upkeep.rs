//! What wears out while nobody looks: the sign-in, and the registration others take.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::clock::Clock;
use connector_kit::token::SignIn;
use connector_kit::{Check, ConnectorError, Upkeep, readiness};

use crate::webhook::{Holder, Registrar};

/// Looked at every hour, and by the doctor.
pub(crate) struct Wear {
    /// The connector's name.
    pub connector: String,
    /// The sign-in.
    pub sign_in: SignIn,
    /// The registration; none when no address is configured.
    pub registrar: Option<Arc<Registrar>>,
    /// Tells how old it is.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Upkeep for Wear {
    async fn tend(&self) -> Vec<Check> {
        let mut checks = vec![self.sign_in()];
        if let Some(registrar) = &self.registrar {
            checks.push(self.registration(registrar).await);
        }
        checks
    }
}

impl Wear {
    /// Whether somebody is signed in, since when, and for how long still.
    pub(crate) fn sign_in(&self) -> Check {
        let now = self.clock.now();
        match self.sign_in.standing(now) {
            Err(error) => Check::of_error("sign-in", &error),
            Ok(standing) => {
                let mut check = readiness::sign_in(&standing, &self.connector, now);
                if let Some(since) = standing.obtained_at {
                    let days = (now - since).num_days();
                    check.found = format!("{}; signed in {days} days ago", check.found);
                }
                check
            }
        }
    }

    /// Whether events still come to us.
    pub(crate) async fn registration(&self, registrar: &Registrar) -> Check {
        const NAME: &str = "webhook-registration";
        let apply = format!("run leadsync provision {} --apply", self.connector);
        match registrar.holder().await {
            Err(failure) => softer(NAME, &failure.into_error("look at the webhook registration")),
            Ok(Holder::Nobody) => Check::ailing(
                NAME,
                "nobody is registered: referrals come by polling alone",
                apply,
            ),
            Ok(Holder::We(lacks)) if lacks.is_empty() => Check::well(NAME, "events are sent to us"),
            Ok(Holder::We(lacks)) => Check::ailing(
                NAME,
                format!("events are sent to us, but {}", lacks.join("; ")),
                apply,
            ),
            Ok(Holder::Other(other)) => Check::ailing(
                NAME,
                format!(
                    "events are sent to {}: referrals come by polling alone",
                    other.holder()
                ),
                format!(
                    "see who that is; {apply} --take-over takes the registration from them and keeps their address"
                ),
            ),
        }
    }
}

/// Referrals come without events, too.
pub(crate) fn softer(name: &'static str, error: &ConnectorError) -> Check {
    let check = Check::of_error(name, error);
    Check::ailing(name, check.found, check.remedy)
}
