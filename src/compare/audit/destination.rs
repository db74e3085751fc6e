//! Of leads the ledger says are delivered: whether they are there; of what is there: whether the ledger knows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::{Census, DestinationName, Held, HeldState, LeadId, Sought};
use sha2::{Digest, Sha256};

use super::{Audited, Caller, Difference, Stop};
use crate::store::{Standing, StoreError, Suppression, SurveyAsk, SurveyOf, Surveyed};

/// Addresses remembered to find two records of one person; of more, some pairs stay unseen.
const PERSONS: usize = 1_000_000;

/// Why a record with a key of ours is none of ours.
#[derive(Clone, Copy)]
enum Stranger {
    /// Its person was forgotten here.
    Forgotten,
    /// Its lead never went there.
    Undelivered,
    /// There is no such lead.
    Unknown,
}

/// Counts one destination, since then.
///
/// `one_per_person`: the ledger joins leads by person, so two records of one address are one too many.
pub async fn destination(
    caller: &Caller<'_>,
    census: &dyn Census,
    name: &DestinationName,
    since: DateTime<Utc>,
    one_per_person: bool,
) -> Result<Audited, StoreError> {
    let mut count = Count {
        caller,
        census,
        name,
        since,
        persons: one_per_person.then(BTreeMap::new),
        audited: Audited::default(),
    };
    let ended = count.count().await;
    Stop::end(ended, count.audited)
}

struct Count<'a> {
    caller: &'a Caller<'a>,
    census: &'a dyn Census,
    name: &'a DestinationName,
    since: DateTime<Utc>,
    /// Whose address was seen with which lead, hashed; nothing where that tells nothing.
    persons: Option<BTreeMap<[u8; 16], LeadId>>,
    audited: Audited,
}

impl Count<'_> {
    async fn count(&mut self) -> Result<(), Stop> {
        self.ledger_against_records().await?;
        match self.census.unlisted() {
            Some(why) => self.audited.notes.push(why.to_owned()),
            None => self.records_against_ledger().await?,
        }
        Ok(())
    }

    async fn ledger_against_records(&mut self) -> Result<(), Stop> {
        let (mut after, mut closed) = (None, 0);
        loop {
            let page = self
                .survey(SurveyOf::Delivered(self.since), after, self.census.at_once())
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            let confirmed: Vec<(&Surveyed, &Standing)> = page
                .iter()
                .filter_map(|lead| Some((lead, lead.delivery.as_ref()?)))
                .collect();
            // A record the ledger knows to be closed may be gone: nothing is expected of it.
            let (open, ended): (Vec<_>, Vec<_>) = confirmed
                .into_iter()
                .partition(|(_, standing)| standing.state == "delivered");
            closed += ended.len();
            self.audited.tally.ledger += (open.len() + ended.len()) as u64;
            self.audited.tally.there += ended.len() as u64;
            self.look_for(&open).await?;
        }
        if closed > 0 {
            let note = format!("{closed} closed there, as the ledger has it: they are not looked for");
            self.audited.notes.push(note);
        }
        Ok(())
    }

    async fn survey(
        &self,
        which: SurveyOf,
        after: Option<crate::store::LeadKey>,
        limit: usize,
    ) -> Result<Vec<Surveyed>, Stop> {
        let ask = SurveyAsk {
            destination: self.name.clone(),
            which,
            after,
            limit,
        };
        Ok(self.caller.store.survey(ask).await?)
    }

    async fn look_for(&mut self, leads: &[(&Surveyed, &Standing)]) -> Result<(), Stop> {
        if leads.is_empty() {
            return Ok(());
        }
        let sought: Vec<Sought> = leads
            .iter()
            .map(|(lead, standing)| Sought {
                lead: lead.lead.id,
                record: standing.record.clone(),
            })
            .collect();
        let census = self.census;
        let found = self.caller.call(async || census.find(&sought).await).await?;
        let mut by_lead: BTreeMap<LeadId, Vec<Held>> = BTreeMap::new();
        for held in found {
            if let Some(lead) = held.lead() {
                by_lead.entry(lead).or_default().push(held);
            }
        }
        for (lead, standing) in leads {
            let records = by_lead.remove(&lead.lead.id).unwrap_or_default();
            self.judge(lead.lead.id, standing, &records);
        }
        Ok(())
    }

    fn judge(&mut self, lead: LeadId, standing: &Standing, records: &[Held]) {
        let is_there = |held: &&Held| matches!(held.state, HeldState::Open | HeldState::Closed);
        let there: Vec<&Held> = records.iter().filter(is_there).collect();
        let Some(first) = there.first() else {
            self.audited.tally.missing += 1;
            return self.missing(lead, standing, records);
        };
        self.audited.tally.there += 1;
        if there.len() > 1 {
            self.audited.tally.doubled += 1;
            let names: Vec<&str> = there.iter().map(|held| held.record.0.as_str()).collect();
            self.differs(
                "doubled",
                Some(lead),
                Some(names.join(" and ")),
                None,
                (
                    "several records carry its key".to_owned(),
                    "merge them over there, and make the field of the key unique".to_owned(),
                ),
            );
        }
        if first.revision.is_some_and(|revision| revision < standing.held) {
            self.audited.tally.older += 1;
            let revision = first.revision.unwrap_or_default();
            self.differs(
                "older",
                Some(lead),
                Some(first.record.0.clone()),
                Some(standing.at),
                (
                    format!("holds revision {revision}, delivered was {}", standing.held),
                    self.resync(lead),
                ),
            );
        }
    }

    fn missing(&mut self, lead: LeadId, standing: &Standing, records: &[Held]) {
        let record = standing.record.as_ref().map(|record| record.0.clone());
        let merged = records.iter().find_map(|held| match &held.state {
            HeldState::Merged(into) => Some(into.clone()),
            _ => None,
        });
        let deleted = records.iter().any(|held| held.state == HeldState::Deleted);
        let (what, words) = match (merged, deleted) {
            (Some(Some(into)), _) => ("merged", format!("merged there into {}", into.0)),
            (Some(None), _) => ("merged", "merged there into another record".to_owned()),
            (None, true) => ("deleted", "deleted there".to_owned()),
            (None, false) => ("missing", "no record has its key; deleted there?".to_owned()),
        };
        let remedy = self.resync(lead);
        self.differs(what, Some(lead), record, Some(standing.at), (words, remedy));
    }

    fn resync(&self, lead: LeadId) -> String {
        format!("leadsync resync {} --lead {lead}", self.name)
    }

    async fn records_against_ledger(&mut self) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let (census, since) = (self.census, self.since);
            let page = self
                .caller
                .call(async || census.list(since, after.as_ref()).await)
                .await?;
            self.know(&page.items).await?;
            if !page.more || page.next == after {
                return Ok(());
            }
            after = page.next;
        }
    }

    /// The ledger is asked after the records were read: what was written meanwhile is in it.
    async fn know(&mut self, records: &[Held]) -> Result<(), Stop> {
        let is_there = |held: &&Held| matches!(held.state, HeldState::Open | HeldState::Closed);
        let records: Vec<&Held> = records.iter().filter(is_there).collect();
        let ids: Vec<LeadId> = records.iter().filter_map(|held| held.lead()).collect();
        let known = self.survey(SurveyOf::These(ids), None, 0).await?;
        let known: BTreeMap<LeadId, &Surveyed> = known.iter().map(|lead| (lead.lead.id, lead)).collect();
        for held in records {
            match held.lead().and_then(|lead| known.get(&lead)) {
                Some(lead) if lead.suppression == Some(Suppression::Forgotten) => {
                    self.stranger(held, Stranger::Forgotten);
                }
                Some(lead) if lead.delivery.as_ref().is_some_and(may_be_there) => self.meet(held),
                Some(_) => self.stranger(held, Stranger::Undelivered),
                None => self.stranger(held, Stranger::Unknown),
            }
        }
        Ok(())
    }

    fn stranger(&mut self, held: &Held, stranger: Stranger) {
        self.audited.tally.strangers += 1;
        let (key, record) = (held.key.clone(), held.record.0.clone());
        let words = match stranger {
            Stranger::Forgotten => "its person was forgotten",
            Stranger::Undelivered => "its lead was never delivered there",
            Stranger::Unknown => "the ledger has no such lead",
        };
        let remedy = match (stranger, held.lead()) {
            (Stranger::Forgotten, _) => "erase the record over there".to_owned(),
            (_, Some(_)) => format!(
                "restored an older store, or another leadsync writes here too? leadsync explain {key}"
            ),
            (_, None) => "somebody else wrote into the field of the key: empty it over there".to_owned(),
        };
        let words = format!("carries the key {key}: {words}");
        self.differs("stranger", held.lead(), Some(record), None, (words, remedy));
    }

    /// Two records of ours for one address are one too many.
    fn meet(&mut self, held: &Held) {
        let (Some(persons), Some(person), Some(lead)) = (&mut self.persons, &held.person, held.lead()) else {
            return;
        };
        let digest = Sha256::digest(person.as_bytes());
        let hashed: [u8; 16] = std::array::from_fn(|at| digest[at]);
        let other = match persons.get(&hashed) {
            Some(other) if *other != lead => *other,
            Some(_) => return,
            None => {
                if persons.len() < PERSONS {
                    persons.insert(hashed, lead);
                }
                return;
            }
        };
        self.audited.tally.doubled += 1;
        self.differs(
            "doubled",
            Some(lead),
            Some(held.record.0.clone()),
            None,
            (
                format!("has the address of lead {other}, too"),
                "merge the two records over there, if they are one person".to_owned(),
            ),
        );
    }

    fn differs(
        &mut self,
        what: &'static str,
        lead: Option<LeadId>,
        record: Option<String>,
        at: Option<DateTime<Utc>>,
        (words, remedy): (String, String),
    ) {
        self.audited.differs(Difference {
            what,
            lead,
            record,
            at,
            words,
            remedy,
        });
    }
}

/// The destination may hold a record, whether it confirmed one or somebody is just writing it.
fn may_be_there(standing: &Standing) -> bool {
    standing.held > 0 || standing.uncertain || matches!(standing.state, "leased" | "delivered" | "closed")
}
