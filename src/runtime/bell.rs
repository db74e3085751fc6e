//! Pokes between rooms. A poke carries no data; a lost one costs only time.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::{DestinationName, SourceName};
use tokio::sync::Notify;

/// Wakes the workers of one stage.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes one worker now, or the next one that waits.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody rings.
    pub async fn heard(&self) {
        self.0.notified().await;
    }
}

/// The bells of the house.
#[derive(Clone, Debug, Default)]
pub struct Bells {
    /// Something arrived.
    pub settle: Bell,
    /// Something is due at a destination.
    pub deliver: BTreeMap<DestinationName, Vec<Bell>>,
    /// Sources should be asked now.
    pub poll: BTreeMap<SourceName, Bell>,
    /// CRMs should be asked now what became of leads.
    pub watch: BTreeMap<SourceName, Bell>,
    /// Clocks should be looked at now.
    pub clocks: Bell,
    /// Sources should be listened to now.
    pub silence: Bell,
    /// An event waits to be followed.
    pub follow: BTreeMap<SourceName, Vec<Bell>>,
    /// An event waits to be passed on.
    pub forward: BTreeMap<SourceName, Bell>,
    /// An outcome is to be reported.
    pub report: BTreeMap<SourceName, Bell>,
    /// What wears out should be looked at now.
    pub upkeep: BTreeMap<String, Bell>,
}

impl Bells {
    /// The bells of a crew that comes after another: who rings one of before wakes whoever has the
    /// same post now.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        self.settle = before.settle.clone();
        self.clocks = before.clocks.clone();
        self.silence = before.silence.clone();
        keep(&mut self.poll, &before.poll);
        keep(&mut self.watch, &before.watch);
        keep(&mut self.forward, &before.forward);
        keep(&mut self.report, &before.report);
        keep(&mut self.upkeep, &before.upkeep);
        keep_each(&mut self.deliver, &before.deliver);
        keep_each(&mut self.follow, &before.follow);
        self
    }

    /// Wakes the workers of every destination.
    pub fn ring_deliver(&self) {
        self.deliver.values().flatten().for_each(Bell::ring);
    }

    /// Wakes those who report outcomes.
    pub fn ring_report(&self) {
        self.report.values().for_each(Bell::ring);
    }

    /// Wakes everybody: an operator changed something.
    pub fn ring_all(&self) {
        self.settle.ring();
        self.clocks.ring();
        self.silence.ring();
        self.ring_deliver();
        self.ring_report();
        let asking = self.poll.values().chain(self.watch.values());
        let asking = asking.chain(self.upkeep.values());
        let hearing = self.follow.values().flatten().chain(self.forward.values());
        asking.chain(hearing).for_each(Bell::ring);
    }
}

fn keep<Name: Ord>(bells: &mut BTreeMap<Name, Bell>, before: &BTreeMap<Name, Bell>) {
    for (name, bell) in bells {
        if let Some(known) = before.get(name) {
            *bell = known.clone();
        }
    }
}

fn keep_each<Name: Ord>(bells: &mut BTreeMap<Name, Vec<Bell>>, before: &BTreeMap<Name, Vec<Bell>>) {
    for (name, crew) in bells {
        let known = before.get(name).into_iter().flatten();
        for (bell, known) in crew.iter_mut().zip(known) {
            *bell = known.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn house(destinations: &[(&str, usize)], polled: &[&str]) -> Bells {
        let deliver = destinations.iter().map(|(name, workers)| {
            let crew = (0..*workers).map(|_| Bell::default());
            (DestinationName::new(name), crew.collect())
        });
        Bells {
            deliver: deliver.collect(),
            poll: polled
                .iter()
                .map(|name| (SourceName::new(name), Bell::default()))
                .collect(),
            ..Bells::default()
        }
    }

    fn is_heard(bell: &Bell) -> bool {
        bell.heard().now_or_never().is_some()
    }

    #[test]
    fn whoever_rings_a_bell_of_before_wakes_those_who_have_the_post_now() {
        let before = house(&[("crm", 2), ("gone", 1)], &["table"]);
        let now = house(&[("crm", 3), ("new", 1)], &["table", "other"]).after(&before);
        before.settle.ring();
        before.ring_deliver();
        before.poll.values().for_each(Bell::ring);
        assert!(is_heard(&now.settle));
        let crm: Vec<bool> = now.deliver[&"crm".into()].iter().map(is_heard).collect();
        assert_eq!(crm, [true, true, false]);
        assert!(!is_heard(&now.deliver[&"new".into()][0]));
        assert!(is_heard(&now.poll[&"table".into()]));
        assert!(!is_heard(&now.poll[&"other".into()]));
    }
}
