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

/// How a destination was left.
enum Retreated {
    /// Nothing of it is there, as far as that can be.
    Away(String),
    /// It stays there, and trying again would not help.
    Left(String),
}

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

    /// Takes it away from wherever it may be, and forgets it once nothing is left to try; tells what is left.
    /// What could not be taken away is kept in mind for the next canary, unless only a person can do it.
    pub(super) async fn take_away(
        &self,
        floor: &dyn AlarmStore,
        story: &CanaryStory,
        journey: &mut Journey,
    ) -> Result<Option<String>, Exit> {
        let (mut failures, mut by_hand) = (Vec::new(), Vec::new());
        if let Some(lead) = &story.lead {
            for name in &lead.held {
                let Some(canary) = held(lead, name) else { continue };
                match self.take_from(name, &canary).await {
                    Ok(Retreated::Away(what)) => journey.taken_away(name, &what),
                    Ok(Retreated::Left(what)) => by_hand.push(format!("{name}: {what}")),
                    Err(why) => failures.push(format!("{name}: {why}")),
                }
            }
        }
        let mut left = Vec::new();
        if !by_hand.is_empty() {
            left.push(format!(
                "the canary is left where only you can remove it: {}",
                by_hand.join("; ")
            ));
        }
        if failures.is_empty() && !floor.forget_canary(story.expected.mark).await? {
            failures.push("somebody still writes it".to_owned());
        }
        if !failures.is_empty() {
            left.push(format!(
                "the canary could not be taken away; the next one tries again: {}",
                failures.join("; ")
            ));
        }
        Ok((!left.is_empty()).then(|| left.join("\n")))
    }

    async fn take_from(&self, name: &DestinationName, canary: &Canary) -> Result<Retreated, String> {
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
            return Ok(Retreated::Left(by_hand()));
        };
        let away = |what: &str| Ok(Retreated::Away(what.to_owned()));
        match withdraw.withdraw(canary).await {
            Ok(Withdrawn::Gone) => away("its record is gone"),
            Ok(Withdrawn::Told) => away("told that it is void; what was sent cannot be unsent"),
            Ok(Withdrawn::NotOurs) => Ok(Retreated::Left(format!(
                "the record does not say that it is a canary; {}",
                by_hand()
            ))),
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
