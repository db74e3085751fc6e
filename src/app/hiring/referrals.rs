//! Workers about referrals: those who follow events and pass them on.

use std::sync::Arc;

use connector_kit::SourceName;
use connector_kit::ids::AccountName;

use super::{Hired, Hiring};
use crate::app::build::{Blueprint, Teller};
use crate::intake::{FollowWorker, ForwardParts, ForwardWorker, Trail};

impl Hiring {
    pub(super) fn about_referrals(&self, blueprint: &Blueprint) -> Vec<Hired> {
        let mut crew = Vec::new();
        for teller in blueprint.tellers() {
            crew.extend(self.following(blueprint, &teller));
            crew.extend(self.forwarding(blueprint, &teller));
        }
        crew
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
        let hire = |(worker, bell)| -> Hired { (Box::new(worker), bell) };
        crew.into_iter().zip(bells.iter().cloned()).map(hire).collect()
    }

    fn forwarding(&self, blueprint: &Blueprint, teller: &Teller<'_>) -> Option<Hired> {
        let name = SourceName::new(&teller.file.name);
        let bell = self.bells.forward.get(&name)?.clone();
        let worker = ForwardWorker::new(ForwardParts {
            tee: teller.verifier.tee()?,
            events: self.store.clone(),
            clock: Arc::clone(&blueprint.outside.clock),
            meter: self.metrics.forward(&name),
            name,
        });
        Some((Box::new(worker), bell))
    }
}
