//! Somebody is forgotten at one publisher, and known to another.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use connector_kit::{DestinationName, RawFormat, RawLead};

use super::*;
use crate::normalize;
use crate::runtime::{Next, Worker};
use crate::settle::{SettleParts, SettleWorker, Unwatched};
use crate::store::sqlite::{Options, SqliteStore};
use crate::store::{
    DeliveryResult, Ending, Failure, Finished, ForgetOrder, Lane, LeadFilter, LeadStory, LeaseAsk, Store,
};

const ADA: &str = "ada@example.com";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn reader() -> Reader {
    let rules = normalize::Rules::default();
    Arc::new(move |arrival| normalize::understand(arrival, &rules))
}

/// A store with a settle worker, in virtual time.
struct Room {
    _directory: tempfile::TempDir,
    store: Arc<SqliteStore>,
    settle: SettleWorker,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let store = Arc::new(SqliteStore::open(&options).unwrap());
        let parts = SettleParts {
            store: store.clone(),
            reader: reader(),
            router: Arc::new(|_| vec![DestinationName::new("crm")]),
            rules: dedupe::Rules::default(),
            bells: crate::runtime::Bells::default(),
            watcher: Arc::new(Unwatched),
        };
        Self {
            _directory: directory,
            store,
            settle: SettleWorker::new(parts, None),
        }
    }

    async fn take(&mut self, account: &str, email: &str, offer: &str, seconds: i64) {
        let body = format!(
            r#"{{"userDetails":{{"FirstName":"Ada","Email":"{email}"}},"LeadSource":"AzureMarketplace-INS|{offer}","Description":"write to {ADA}"}}"#
        );
        let arrival = Arrival {
            account: AccountName::new(account),
            source: account.into(),
            received_at: at(seconds),
            raw: RawLead {
                format: RawFormat::MarketplaceJson,
                reference: None,
                occurred_at: None,
                body: Bytes::from(body),
            },
        };
        self.store.accept(vec![arrival], None).await.unwrap();
        while self.settle.step(at(seconds)).await.unwrap() == Next::Again {}
    }

    /// The CRM takes nothing, and says of whom.
    async fn refuse_all(&self) {
        let crm = DestinationName::new("crm");
        let ask = LeaseAsk {
            min: 1,
            max: 100,
            lowest: Lane::Backfill,
            bulk: false,
            until: at(100),
        };
        let leases = self.store.lease(&crm, ask, at(5)).await.unwrap().leases;
        let failure = || Failure {
            kind: connector_kit::ErrorKind::Rejected,
            what: "write".into(),
            hint: "look".into(),
            answer: Some(format!("no {ADA} here")),
        };
        let results = leases.into_iter().map(|lease| Finished {
            lease,
            result: DeliveryResult::Dead(failure()),
        });
        let ending = Ending::of(results.collect());
        self.store.finish(&crm, ending, at(6)).await.unwrap();
    }

    /// The story of each lead of this account, the oldest first.
    async fn stories(&self, account: &str) -> Vec<LeadStory> {
        let filter = LeadFilter {
            limit: 100,
            fate: None,
        };
        let mut stories = Vec::new();
        for row in self.store.leads(filter).await.unwrap().into_iter().rev() {
            if row.lead.account.as_str() == account {
                stories.push(self.store.lead(row.lead.id).await.unwrap().unwrap());
            }
        }
        stories
    }
}

#[tokio::test]
async fn who_is_forgotten_at_one_publisher_stays_known_to_the_other() {
    let mut room = Room::new();
    room.take("a", ADA, "a.b", 1).await;
    room.take("b", ADA, "a.b", 1).await;
    room.take("b", "friend@example.com", "a.b", 1).await;
    room.refuse_all().await;
    let known_to_b = format!("{:?}", room.stories("b").await);

    let a = AccountName::new("a");
    let seeker = ByAddress::new(ADA, vec![a.clone()], reader()).unwrap();
    let order = ForgetOrder {
        seeker: Some(Arc::new(seeker)),
        leads: room
            .stories("b")
            .await
            .iter()
            .map(|story| story.row.lead.id)
            .collect(),
        account: Some(a),
        new_key: [7; 32],
        dry_run: false,
    };
    let gone = room.store.forget(order, at(10)).await.unwrap();
    assert_eq!((gone.leads.len(), gone.arrivals, gone.mentions), (1, 1, 0));
    assert_eq!(room.stories("a").await[0].row.fate, "suppressed: forgotten");
    assert_eq!(format!("{:?}", room.stories("b").await), known_to_b, "not a word");

    // A late duplicate is one where they were forgotten alone.
    room.take("b", ADA, "a.b", 11).await;
    let totals = room.store.totals().await.unwrap();
    assert_eq!((totals.repeats + totals.merged, totals.forgotten), (1, 0));
    room.take("a", ADA, "a.b", 11).await;
    assert_eq!(room.store.totals().await.unwrap().forgotten, 1);
}
