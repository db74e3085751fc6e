//! Leads go out: write, call, read the answer, and look for the one at fault.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::mapping::Mapping;
use connector_kit::{
    ConfigError, ConnectorContext, ConnectorError, ConnectorSettings, Destination, LeadDelivery, Receipt,
    Rendered,
};

use crate::api::Endpoint;
use crate::config::Settings;
use crate::error::concerns_everyone;
use crate::render::{Renderer, Written};

/// The role.
pub(crate) struct HttpsEndpoint {
    endpoint: Arc<Endpoint>,
    renderer: Renderer,
    batch_max: usize,
}

type Outcome = Result<Receipt, ConnectorError>;

impl HttpsEndpoint {
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        written: &ConnectorSettings,
        context: &ConnectorContext,
    ) -> Result<Self, ConfigError> {
        let settings: Settings = written.parse()?;
        if settings.signing_secrets.is_empty() {
            tracing::debug!(destination = %context.name, "requests are not signed");
        }
        let mapping = if written.mapping.is_empty() {
            None
        } else {
            Some(Mapping::parse(&written.mapping, &written.tables)?)
        };
        Ok(Self {
            endpoint,
            renderer: Renderer {
                format: settings.payload_format,
                lists: settings.batch_max > 1,
                mapping,
                type_prefix: settings.event_type_prefix,
            },
            batch_max: settings.batch_max,
        })
    }

    /// Sends these events; when the call is refused for what may be one of them, halves it until
    /// that one stands alone: one in 200 costs 17 calls.
    async fn deliver(
        &self,
        rendered: &Written<'_>,
        run: Range<usize>,
        outcomes: &mut [Option<Outcome>],
    ) -> bool {
        let mut waiting = vec![run];
        while let Some(run) = waiting.pop() {
            let events = &rendered.events[run.clone()];
            let outcome = match self.endpoint.post(&self.renderer.call(rendered, events)).await {
                Ok(receipt) => Ok(receipt),
                Err(refusal) if refusal.may_be_one_member && events.len() > 1 => {
                    let middle = run.start + events.len() / 2;
                    waiting.push(middle..run.end);
                    waiting.push(run.start..middle);
                    continue;
                }
                Err(refusal) => Err(refusal.error),
            };
            let stop = outcome.as_ref().is_err_and(concerns_everyone);
            for event in events {
                outcomes[event.index] = Some(outcome.clone());
            }
            if stop {
                return false;
            }
        }
        true
    }
}

#[async_trait]
impl Destination for HttpsEndpoint {
    fn batch_limit(&self) -> usize {
        self.batch_max
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Outcome> {
        let (rendered, refused) = self.renderer.render(deliveries);
        let mut outcomes: Vec<Option<Outcome>> = deliveries.iter().map(|_| None).collect();
        for (index, error) in refused {
            outcomes[index] = Some(Err(error));
        }
        for run in rendered.runs(self.batch_max) {
            if !self.deliver(&rendered, run, &mut outcomes).await {
                break;
            }
        }
        // What was not sent any more shares the fate of what stopped it.
        let stopped_by = outcomes.iter().flatten().find_map(|outcome| {
            let error = outcome.as_ref().err()?;
            concerns_everyone(error).then(|| error.clone())
        });
        let unsent = || {
            let error = stopped_by.clone();
            error.unwrap_or_else(|| ConnectorError::new(connector_kit::ErrorKind::Broken, "send the event"))
        };
        outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| Err(unsent())))
            .collect()
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        let one = |delivery| self.renderer.preview(delivery);
        deliveries.iter().map(one).collect()
    }
}
