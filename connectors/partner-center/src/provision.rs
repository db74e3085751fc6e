//! Registers the webhook; never in place of somebody else's unless told to.

use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{ConnectorError, ErrorKind, Plan, Provisioner, Step, StepState};

use crate::webhook::{Holder, Registrar};

/// The step's own name.
const REGISTRATION: &str = "webhook registration";

/// Reads first and registers what is missing; every step may be done again.
pub(crate) struct WebhookProvisioner {
    /// Who registers; nobody when no address is configured.
    pub registrar: Option<Arc<Registrar>>,
}

#[async_trait]
impl Provisioner for WebhookProvisioner {
    async fn plan(&self) -> Result<Plan, ConnectorError> {
        let steps = match &self.registrar {
            None => Vec::new(),
            Some(registrar) => vec![step(registrar).await?],
        };
        Ok(Plan { steps, role: role() })
    }

    async fn apply(&self, step: &Step) -> Result<(), ConnectorError> {
        match &self.registrar {
            Some(registrar) if step.id == REGISTRATION => {
                registrar
                    .register(matches!(step.state, StepState::Taken(_)))
                    .await
            }
            _ => {
                let text = format!("do {}: this step is not ours to do", step.id);
                Err(ConnectorError::new(ErrorKind::Misconfigured, text))
            }
        }
    }
}

async fn step(registrar: &Registrar) -> Result<Step, ConnectorError> {
    let holder = registrar.holder().await;
    let holder = holder.map_err(|failure| failure.into_error("look at the webhook registration"))?;
    let host = registrar.url.host_str().unwrap_or_default();
    let (state, lacks) = match holder {
        Holder::Nobody => (StepState::Missing, Vec::new()),
        Holder::We(lacks) if lacks.is_empty() => (StepState::Present, lacks),
        Holder::We(lacks) => (StepState::Missing, lacks),
        Holder::Other(other) => (StepState::Taken(other.holder()), Vec::new()),
    };
    let lacks = if lacks.is_empty() {
        String::new()
    } else {
        format!(" ({})", lacks.join("; "))
    };
    Ok(Step {
        id: REGISTRATION.to_owned(),
        what: format!(
            "webhook registration of {host} for {}{lacks}",
            registrar.events.join(", ")
        ),
        state,
    })
}

fn role() -> Vec<String> {
    [
        "app registration: delegated permission user_impersonation of Microsoft Partner (4990cffe-04e8-4e8b-808a-1175604b879f)",
        "app registration: delegated permission user_impersonation of Microsoft Partner Center (fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd)",
        "admin consent for both, in the partner's tenant",
        "the signed-in user: role Referrals admin in Partner Center, for all locations concerned",
    ]
    .map(str::to_owned)
    .to_vec()
}
