//! What stays while configs come and go: the store, the door, the numbers, the roster of workers.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::build::Blueprint;
use super::crew::{Relieved, Roster};
use super::daemon::Staff;
use super::front;
use super::hiring::{Hiring, bells};
use super::observers::Ears;
use crate::admin::{Changes, Health, Metrics, Names, Noticeboard, Terms, Token};
use crate::intake::{Door, Tls};
use crate::runtime::{Bells, Ticks};
use crate::store::InboxId;
use crate::store::sqlite::SqliteStore;

/// What stays while configs come and go.
pub(super) struct Premises {
    pub(super) store: Arc<SqliteStore>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: Arc<Health>,
    pub(super) upkeep: Noticeboard,
    pub(super) ears: Arc<dyn Ears>,
    pub(super) staff: Staff,
    pub(super) door: Arc<Door>,
    pub(super) tls: Option<Arc<Tls>>,
    /// What readers of numbers show.
    token: Option<Token>,
    /// What the operator's desk goes by.
    pub(super) terms: Arc<ArcSwap<Terms>>,
    pub(super) roster: Roster,
    /// Arrivals up to this one are opened with care, whoever settles.
    suspicious: Option<InboxId>,
}

/// What the premises are made from, beside the first config.
pub(super) struct Grounds {
    pub(super) store: Arc<SqliteStore>,
    pub(super) suspicious: Option<InboxId>,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) ears: Arc<dyn Ears>,
    pub(super) staff: Staff,
    pub(super) token: Option<Token>,
}

impl Premises {
    /// Under their first config; the first crew is at work. Also gives the bells of the house.
    pub(super) fn open(grounds: Grounds, blueprint: &Blueprint, stop: CancellationToken) -> (Self, Bells) {
        let bells = bells(blueprint);
        let clock = Arc::clone(&blueprint.outside.clock);
        let premises = Self {
            door: front::door(&grounds, blueprint, &bells),
            health: Arc::clone(&grounds.health),
            tls: blueprint.tls.clone(),
            token: grounds.token,
            terms: Arc::new(ArcSwap::from_pointee(front::terms(blueprint, &bells))),
            roster: Roster::new(grounds.staff.back.clone(), clock, Ticks::machine(), stop),
            upkeep: Noticeboard::default(),
            store: grounds.store,
            metrics: grounds.metrics,
            ears: grounds.ears,
            staff: grounds.staff,
            suspicious: grounds.suspicious,
        };
        drop(premises.man(blueprint, &bells));
        (premises, bells)
    }

    /// Goes on under another config. From here on nothing can fail, and nothing waits.
    pub(super) fn go_on(&self, next: &Blueprint, before: &Bells, changes: &Changes) -> Bells {
        let bells = bells(next).after(before);
        // One that is put back has its purse of before, and may have other terms.
        let Names { changed, added, .. } = &changes.connectors;
        let is_other = |name: &String| changed.contains(name) || added.contains(name);
        for (file, _) in next.connectors.iter().filter(|(file, _)| is_other(&file.name)) {
            next.purses.renew(file);
        }
        self.door.reload(front::rules(next, &self.store, &bells));
        if let (Some(shown), Some(next)) = (&self.tls, &next.tls) {
            shown.become_like(next);
        }
        if let (Some(token), Some(next)) = (&self.token, &next.metrics_token) {
            token.replace(next);
        }
        self.terms.store(Arc::new(front::terms(next, &bells)));
        let relieved = self.man(next, &bells);
        self.see_off(relieved, next, changes);
        bells
    }

    fn man(&self, blueprint: &Blueprint, bells: &Bells) -> Relieved {
        let crew = Hiring::new(blueprint, self, bells).crew(blueprint, self.suspicious);
        self.roster.relieve(crew)
    }

    /// Once the last of those relieved has gone, nothing more is told of connectors and sources that
    /// went with them, nor of what nobody looks after any more.
    fn see_off(&self, relieved: Relieved, next: &Blueprint, changes: &Changes) {
        let (metrics, terms) = (Arc::clone(&self.metrics), Arc::clone(&self.terms));
        let (upkeep, ours) = (self.upkeep.clone(), terms.load_full());
        let untended = untended(next);
        let (connectors, sources) = (
            changes.connectors.removed.clone(),
            changes.sources.removed.clone(),
        );
        self.staff.back.spawn(async move {
            relieved.gone().await;
            let terms = terms.load();
            let unpin = |name: &String| {
                if let Some(tended) = upkeep.take_down(name) {
                    metrics.forget_upkeep(name, &tended.checks);
                }
            };
            // It may have been put back meanwhile.
            for name in connectors.iter().filter(|name| !terms.connectors.contains(*name)) {
                metrics.forget_connector(name);
                unpin(name);
            }
            // A later config says for itself whom nobody looks after.
            if Arc::ptr_eq(&ours, &terms) {
                untended.iter().for_each(unpin);
            }
            for name in sources.iter().filter(|name| !terms.sources.contains(*name)) {
                metrics.forget_source(name);
            }
        });
    }
}

/// Connectors of the config that have nothing to be looked after.
fn untended(blueprint: &Blueprint) -> Vec<String> {
    let connectors = blueprint.connectors.iter();
    let untended = connectors.filter(|(_, connector)| connector.upkeep.is_none());
    untended.map(|(file, _)| file.name.clone()).collect()
}
