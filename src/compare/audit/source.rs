//! Of what a source lists: whether the inbox has it.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{RawLead, Source, SourceName};

use super::{Audited, Caller, Difference, Stop};
use crate::store::StoreError;

/// Items asked for at once.
const PAGE: usize = 1_000;
/// A source that says there is more and gives nothing has so many tries.
const EMPTY: u32 = 100;

/// Counts one source, since then. What happened within `grace` may not have been polled yet.
pub async fn source(
    caller: &Caller<'_>,
    polled: &dyn Source,
    name: &SourceName,
    since: DateTime<Utc>,
    grace: TimeDelta,
) -> Result<Audited, StoreError> {
    let mut count = Count {
        caller,
        name,
        since,
        settled_by: caller.clock.now() - grace,
        waiting: 0,
        audited: Audited::default(),
    };
    let ended = count.count(polled).await;
    Stop::end(ended, count.audited)
}

struct Count<'a> {
    caller: &'a Caller<'a>,
    name: &'a SourceName,
    since: DateTime<Utc>,
    settled_by: DateTime<Utc>,
    waiting: u64,
    audited: Audited,
}

impl Count<'_> {
    async fn count(&mut self, polled: &dyn Source) -> Result<(), Stop> {
        self.audited.tally.ledger = self.caller.store.arrived_since(self.name, self.since).await?;
        let (mut after, mut empty) = (polled.since(self.since), 0);
        loop {
            let page = self
                .caller
                .call(async || polled.poll(after.as_ref(), PAGE).await)
                .await?;
            empty = if page.items.is_empty() { empty + 1 } else { 0 };
            self.compare(&page.items).await?;
            if !page.more || empty > EMPTY {
                break;
            }
            after = page.next.or(after);
        }
        if self.waiting > 0 {
            let note = format!("{} came just now and may not have been polled yet", self.waiting);
            self.audited.notes.push(note);
        }
        Ok(())
    }

    async fn compare(&mut self, items: &[RawLead]) -> Result<(), Stop> {
        let is_meant = |item: &&RawLead| item.occurred_at.is_none_or(|at| at >= self.since);
        let meant: Vec<(&RawLead, &String)> = items
            .iter()
            .filter(is_meant)
            .filter_map(|item| Some((item, item.reference.as_ref()?)))
            .collect();
        let references = meant.iter().map(|(_, reference)| (*reference).clone()).collect();
        let known = self.caller.store.known_references(self.name, references).await?;
        for ((item, reference), known) in meant.into_iter().zip(known) {
            match item.occurred_at {
                _ if known => self.audited.tally.there += 1,
                Some(at) if at > self.settled_by => self.waiting += 1,
                at => self.unheard(reference, at),
            }
        }
        Ok(())
    }

    fn unheard(&mut self, reference: &str, at: Option<DateTime<Utc>>) {
        self.audited.tally.strangers += 1;
        self.audited.differs(Difference {
            what: "unheard",
            lead: None,
            record: Some(reference.to_owned()),
            at,
            words: "is there, and the inbox does not have it".to_owned(),
            remedy: format!(
                "the daemon polls it: see the log of {}, and leadsync doctor {}",
                self.name, self.name
            ),
        });
    }
}
