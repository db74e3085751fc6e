//! Workers about referrals: those who follow events and pass them on, and the one who watches the clocks.

use std::sync::Arc;

use connector_kit::ids::AccountName;
use connector_kit::{DestinationName, SourceName};

use super::Hiring;
use crate::app::build::{Blueprint, Teller};
use crate::app::crew::Hired;
use crate::deliver::Herald;
use crate::intake::{FollowWorker, ForwardParts, ForwardWorker, Trail};
use crate::syncback::clocks::Moments;
use crate::syncback::{ClockParts, ClockWorker};

impl Hiring {
    pub(super) fn about_referrals(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let mut crew = Vec::new();
        for teller in blueprint.tellers() {
            crew.extend(self.following(blueprint, &teller));
            crew.extend(self.forwarding(blueprint, &teller));
        }
        crew
    }

    pub(super) fn watching_clocks(&self, blueprint: &Blueprint) -> Hired {
        let clocks = &blueprint.loaded.config.clocks;
        let worker = ClockWorker::new(ClockParts {
            store: Arc::clone(&self.store),
            moments: Moments::new(&clocks.tell_at),
            herald: herald(blueprint, clocks.alert.as_ref()),
            meter: self.metrics.clocks(),
        });
        Hired::new("clocks", "", worker, &self.bells.clocks)
    }

    fn following(&self, blueprint: &Blueprint, teller: &Teller<'_>) -> Vec<Hired> {
        let name = SourceName::new(&teller.file.name);
        let (Some(purse), Some(bells)) = (blueprint.purse(&teller.file.name), self.bells.follow.get(&name))
        else {
            return Vec::new();
        };
        let trail = Trail {
            account: AccountName::new(&teller.file.account),
            desk: Arc::clone(teller.desk),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&blueprint.outside.clock),
            settle: self.bells.settle.clone(),
            meter: self.metrics.follow(&name),
            purse,
            name,
        };
        let crew = FollowWorker::crew(trail, bells.len());
        let hire = |(worker, bell)| Hired::new("follow", &teller.file.name, worker, bell);
        crew.into_iter().zip(bells).map(hire).collect()
    }

    fn forwarding(&self, blueprint: &Blueprint, teller: &Teller<'_>) -> Option<Hired> {
        let name = SourceName::new(&teller.file.name);
        let bell = self.bells.forward.get(&name)?;
        let worker = ForwardWorker::new(ForwardParts {
            tee: teller.verifier.tee()?,
            events: self.store.clone(),
            clock: Arc::clone(&blueprint.outside.clock),
            meter: self.metrics.forward(&name),
            name,
        });
        Some(Hired::new("forward", &teller.file.name, worker, bell))
    }
}

/// The way to the connector that wants alerts, where one does.
pub(super) fn herald(blueprint: &Blueprint, wanted: Option<&String>) -> Option<Herald> {
    let mut connectors = blueprint.connectors.iter();
    let (file, connector) = connectors.find(|(file, _)| Some(&file.name) == wanted)?;
    Some(Herald {
        name: DestinationName::new(&file.name),
        sink: Arc::clone(connector.alerts.as_ref()?),
        purse: blueprint.purse(&file.name)?,
    })
}
