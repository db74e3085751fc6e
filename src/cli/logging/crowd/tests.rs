//! How much is told when a great many leads come.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::{error, info, subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::runtime::ticks::Crank;

/// What journald takes of a service in 30 seconds unless told otherwise.
const JOURNALD_TAKES: usize = 10_000;

/// Everything that was let through, by its name.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Told {
    fn of(&self, name: &str) -> usize {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }

    fn in_all(&self) -> usize {
        self.0.lock().unwrap().values().sum()
    }
}

impl<S: Subscriber> Layer<S> for Told {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let name = catalogue::named_by(event).map_or("unnamed", |entry| entry.name);
        *self.0.lock().unwrap().entry(name).or_default() += 1;
    }
}

fn listening() -> (Crowd, Crank, Told, subscriber::DefaultGuard) {
    let (ticks, crank) = Ticks::by_hand();
    let (crowd, told) = (Crowd::new(ticks), Told::default());
    let layer = told.clone().with_filter(crowd.clone());
    let guard = subscriber::set_default(tracing_subscriber::registry().with(layer));
    (crowd, crank, told, guard)
}

fn a_lead_passes() {
    info!(event = "lead_new", lead.id = "1", "new lead");
    info!(
        event = "delivered",
        lead.id = "1",
        destination = %"crm",
        "lead delivered to crm"
    );
}

#[test]
fn half_a_thousand_leads_in_a_second_stay_below_what_the_journal_takes() {
    let (crowd, crank, told, _guard) = listening();
    let mut sums = 0;
    for _ in 0..30 {
        for _ in 0..500 {
            a_lead_passes();
        }
        sums += crowd.take().len();
        crank.advance(Duration::from_secs(1));
    }
    let lines = told.in_all() + sums;
    assert!(lines < JOURNALD_TAKES * 2 / 3, "{lines} lines");
    assert_eq!(told.in_all(), 30 * TOLD_IN_A_SECOND as usize);
    assert_eq!(sums, 30 * 2, "one line for each kind and second");
}

#[test]
fn at_an_ordinary_pace_every_line_is_told() {
    let (crowd, crank, told, _guard) = listening();
    for _ in 0..30 {
        for _ in 0..TOLD_IN_A_SECOND / 2 {
            a_lead_passes();
        }
        crank.advance(Duration::from_secs(1));
    }
    assert_eq!(crowd.take(), []);
    assert_eq!(told.in_all(), 30 * TOLD_IN_A_SECOND as usize);
}

#[test]
fn what_was_not_told_is_counted_by_kind_and_system_with_its_leads() {
    let (crowd, _crank, _told, _guard) = listening();
    for _ in 0..TOLD_IN_A_SECOND {
        info!(event = "lead_new", "new lead");
    }
    for _ in 0..3 {
        info!(event = "delivered", leads = 100_usize, destination = %"crm", "leads delivered");
    }
    info!(event = "delivered", destination = %"other", "lead delivered");
    let sum = |system: &str, lines, leads| Sum {
        event: "delivered",
        system: system.to_owned(),
        lines,
        leads,
    };
    assert_eq!(crowd.take(), [sum("crm", 3, 300), sum("other", 1, 1)]);
    assert_eq!(crowd.take(), [], "told once");
}

#[test]
fn what_a_person_has_to_see_is_told_however_much_there_is() {
    let (crowd, _crank, told, _guard) = listening();
    for _ in 0..1000 {
        a_lead_passes();
        warn!(event = "dead_letter", lead.id = "1", "a dead letter");
        warn!(event = "quarantined", "an arrival cannot be understood");
        error!(event = "destination_parked", "crm is parked");
    }
    for name in ["dead_letter", "quarantined", "destination_parked"] {
        assert_eq!(told.of(name), 1000, "{name}");
    }
    assert!(!crowd.take().is_empty(), "the others gave way");
}
