//! A canary is taken away again: from each destination, and then from the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::{Canary, Connector, DestinationName, Withdraw, Withdrawn};

use super::journey::{Journey, held};
use crate::cli::{Exit, screen};
use crate::config::ConnectorFile;
use crate::store::{AlarmStore, CanaryStory};

/// Knows how to take canaries away.
pub(super) struct Retreat(BTreeMap<DestinationName, Option<Arc<dyn Withdraw>>>);

/// Whether somebody writes it this moment.
pub(super) fn is_called(story: &CanaryStory) -> bool {
    let lead = story.lead.as_ref();
    lead.is_some_and(|lead| lead.deliveries.iter().any(|one| one.state == "leased"))
}

impl Retreat {
    pub(super) fn new(connectors: Vec<(ConnectorFile, Connector)>) -> Self {
        let connectors = connectors.into_iter();
        let ways = connectors.map(|(file, connector)| (DestinationName::new(&file.name), connector.withdraw));
        Self(ways.collect())
    }

    /// Takes it away from wherever it may be, and forgets it once it is nowhere; tells what is left. What
    /// could not be taken away is kept in mind for the next canary.
    pub(super) async fn take_away(
        &self,
        floor: &dyn AlarmStore,
        story: &CanaryStory,
        journey: &mut Journey,
    ) -> Result<Option<String>, Exit> {
        let mut failures = Vec::new();
        if let Some(lead) = &story.lead {
            for name in &lead.held {
                let Some(canary) = held(lead, name) else { continue };
                match self.take_from(name, &canary).await {
                    Ok(what) => journey.taken_away(name, &what),
                    Err(why) => failures.push(format!("{name}: {why}")),
                }
            }
        }
        if failures.is_empty() && floor.forget_canary(story.expected.mark).await? {
            return Ok(None);
        }
        if failures.is_empty() {
            failures.push("somebody still writes it".to_owned());
        }
        let what = failures.join("; ");
        Ok(Some(format!(
            "the canary could not be taken away; the next one tries again: {what}"
        )))
    }

    async fn take_from(&self, name: &DestinationName, canary: &Canary) -> Result<String, String> {
        let by_hand = || {
            let record = canary
                .record
                .as_ref()
                .map_or("its record", |record| record.0.as_str());
            format!(
                "left there, remove by hand: {record}, {}",
                canary.mark().address()
            )
        };
        let Some(Some(withdraw)) = self.0.get(name) else {
            return Ok(by_hand());
        };
        match withdraw.withdraw(canary).await {
            Ok(Withdrawn::Gone) => Ok("its record is gone".to_owned()),
            Ok(Withdrawn::Told) => Ok("told that it is void; what was sent cannot be unsent".to_owned()),
            Ok(Withdrawn::NotOurs) => Ok(format!(
                "the record does not say that it is a canary; {}",
                by_hand()
            )),
            Err(error) => {
                let hint = error
                    .hint_text()
                    .map(|hint| format!(" -> {hint}"))
                    .unwrap_or_default();
                Err(screen::clean_whole(&format!("{error}{hint}")))
            }
        }
    }
}
