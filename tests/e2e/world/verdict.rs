//! What must hold, whatever happened: lost = 0 and records = 1.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::LeadId;
use leadsync::store::{LeadFilter, LeadRow, Store, Totals};

use super::World;
use super::crm::Record;
use super::posted::Posted;

const FATES: [&str; 11] = [
    "pending",
    "delivered",
    "delivered (closed in CRM)",
    "dead",
    "discarded",
    "suppressed: test lead",
    "suppressed: do not contact",
    "suppressed: no route",
    "suppressed: referral closed before it was seen",
    "suppressed: our own referral",
    "suppressed: forgotten",
];

impl World {
    pub(crate) async fn totals(&self) -> Totals {
        self.store().totals().await.unwrap()
    }

    /// Every lead, newest first.
    pub(crate) async fn leads(&self) -> Vec<LeadRow> {
        let filter = LeadFilter {
            limit: usize::MAX,
            fate: None,
        };
        self.store().leads(filter).await.unwrap()
    }

    /// The fate of the one lead of a person.
    pub(crate) async fn fate(&self, email: &str) -> String {
        let rows = self.leads().await;
        let mut of_person = rows.iter().filter(|row| address(row) == email);
        let fate = of_person.next().unwrap().fate.clone();
        assert!(of_person.next().is_none(), "two leads of one person");
        fate
    }

    /// At any moment: every lead that was acknowledged has one fate, nobody has two records, and
    /// nothing was done to a destination that must never be done.
    pub(crate) async fn assert_sound(&self) {
        let totals = self.totals().await;
        let kept = u64::try_from(self.ledger.len()).unwrap();
        assert!(totals.accepted >= kept, "{kept} acknowledged, {totals:?}");
        let became = totals.leads + totals.merged + totals.repeats + totals.quarantined + totals.forgotten;
        let known = became + totals.unsettled;
        assert_eq!(
            totals.accepted, known,
            "an arrival became nothing, or two things: {totals:?}"
        );
        for row in self.leads().await {
            assert!(FATES.contains(&row.fate.as_str()), "{}", row.fate);
        }
        for crm in &self.stage.crms {
            assert_eq!(crm.wrongs(), Vec::<String>::new(), "at {}", crm.name);
            let records = crm.records();
            let people: BTreeSet<_> = records.values().map(|record| &record.email).collect();
            assert_eq!(
                people.len(),
                records.len(),
                "somebody has two records at {}",
                crm.name
            );
        }
    }

    /// In the calm: sound, and every lead is where it belongs, in its newest revision.
    pub(crate) async fn assert_all_settled(&self) {
        self.assert_sound().await;
        let totals = self.totals().await;
        assert_eq!((totals.unsettled, totals.pending), (0, 0), "{totals:?}");
        let leads = self.leads().await;
        let records: Vec<_> = self
            .stage
            .crms
            .iter()
            .map(|crm| (&crm.name, crm.records()))
            .collect();
        let mut known = BTreeSet::new();
        for row in &leads {
            let is_first = known.insert((row.lead.account.as_str(), address(row)));
            assert!(
                is_first || row.fate == "suppressed: test lead",
                "two leads of one person"
            );
            self.assert_where_it_belongs(row, &records).await;
        }
        if totals.quarantined == 0 {
            let is_known =
                |lead: &Posted| known.contains(&(lead.account, lead.email.to_lowercase().as_str()));
            let lost: Vec<_> = self
                .ledger
                .iter()
                .filter(|lead| !lead.is_test() && !is_known(lead))
                .collect();
            assert!(lost.is_empty(), "lost: {lost:?}");
        }
    }

    async fn assert_where_it_belongs(&self, row: &LeadRow, records: &[(&String, BTreeMap<LeadId, Record>)]) {
        let story = self.store().lead(row.lead.id).await.unwrap().unwrap();
        for (crm, records) in records {
            let record = records.get(&row.lead.id);
            let delivery = story
                .deliveries
                .iter()
                .find(|one| one.destination.as_str() == *crm);
            match delivery.map(|one| one.state.as_str()) {
                None | Some("withheld") => assert_eq!(record, None, "{}", row.fate),
                Some("delivered") => {
                    let record = record.unwrap();
                    assert_eq!(record.revision, row.revision, "{}", row.fate);
                    assert_eq!(record.contactable, !row.lead.dnc, "{}", row.fate);
                }
                Some("closed") => assert_eq!(record.unwrap().contactable, !row.lead.dnc, "{}", row.fate),
                Some("dead" | "discarded") => {}
                Some(other) => panic!("a delivery to {crm} is still {other}"),
            }
        }
    }
}

fn address(row: &LeadRow) -> &str {
    row.lead.person.email.as_ref().map_or("", |said| &said.value)
}
