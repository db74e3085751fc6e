//! The front of the house: the door, the operator's counter, and a hand on the writer's pulse.

use std::sync::Arc;
use std::time::Duration;

use connector_kit::SourceName;
use connector_kit::ids::AccountName;

use super::build::{Blueprint, Teller};
use super::premises::Grounds;
use super::purses::budgets;
use crate::admin::{self, Health, Poke, Terms};
use crate::intake::{self, Door, DoorParts, DoorRules, EventSource};
use crate::normalize;
use crate::runtime::{Bell, Bells, Ticks};
use crate::store::sqlite::SqliteStore;

/// A writer silent for this long counts as stuck.
const WRITER_SILENCE: Duration = Duration::from_secs(20);

/// Expects signs of life of the store's writer from now on.
pub(super) fn watch_writer(health: &Health) -> admin::Pulse {
    health.watch(admin::vitals::WRITER, WRITER_SILENCE)
}

/// Opens the door.
pub(super) fn door(grounds: &Grounds, blueprint: &Blueprint, bells: &Bells) -> Arc<Door> {
    let parts = DoorParts {
        store: grounds.store.clone(),
        clock: Arc::clone(&blueprint.outside.clock),
        ticks: Ticks::machine(),
        metrics: Arc::clone(&grounds.metrics),
        health: Arc::clone(&grounds.health),
        // The bell of settling is the same under every config.
        on_kept: ringing([bells.settle.clone()]),
    };
    Arc::new(Door::new(parts, rules(blueprint, &grounds.store, bells)))
}

/// Open for the configured sources, and for connectors that tell of changes.
pub(super) fn rules(blueprint: &Blueprint, store: &Arc<SqliteStore>, bells: &Bells) -> DoorRules {
    let limits = normalize::BodyLimits {
        max_keys: blueprint.loaded.config.intake.max_keys,
    };
    DoorRules::new(blueprint.intake_limits(), blueprint.sources.clone())
        .checking(intake::body_check(limits))
        .hearing(event_sources(blueprint, store, bells))
}

/// What the operator's desk goes by.
pub(super) fn terms(blueprint: &Blueprint, bells: &Bells) -> Terms {
    let bells = bells.clone();
    let connectors = blueprint.loaded.connectors.iter();
    Terms {
        budgets: budgets(&blueprint.loaded),
        callers: blueprint.callers(),
        connectors: connectors.map(|file| file.name.clone()).collect(),
        sources: blueprint.loaded.config.sources.keys().cloned().collect(),
        poke: Arc::new(move || bells.ring_all()),
    }
}

fn event_sources(blueprint: &Blueprint, store: &Arc<SqliteStore>, bells: &Bells) -> Vec<EventSource> {
    let source = |teller: Teller<'_>| {
        let name = SourceName::new(&teller.file.name);
        EventSource {
            account: AccountName::new(&teller.file.account),
            verifier: Arc::clone(teller.verifier),
            store: store.clone(),
            on_kept: ringing(bells.follow.get(&name).into_iter().flatten().cloned()),
            on_copied: ringing(bells.forward.get(&name).cloned()),
            name,
        }
    };
    blueprint.tellers().map(source).collect()
}

fn ringing(bells: impl IntoIterator<Item = Bell>) -> Poke {
    let bells: Vec<Bell> = bells.into_iter().collect();
    Arc::new(move || bells.iter().for_each(Bell::ring))
}
