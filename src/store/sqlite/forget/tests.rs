//! What comes in while a person is searched for.

use std::sync::Arc;

use bytes::Bytes;
use connector_kit::ids::AccountName;
use connector_kit::{DestinationName, RawFormat, RawLead};

use super::super::Options;
use super::*;
use crate::erase::ByAddress;
use crate::normalize;
use crate::runtime::{Next, Worker};
use crate::settle::{Reader, SettleParts, SettleWorker, Unwatched};
use crate::store::{Arrival, LeadFilter, Store};

const ADA: &str = "ada@example.com";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn reader() -> Reader {
    let rules = normalize::Rules::default();
    Arc::new(move |arrival| normalize::understand(arrival, &rules))
}

fn settle_worker(store: &Arc<SqliteStore>) -> SettleWorker {
    let parts = SettleParts {
        store: store.clone(),
        reader: reader(),
        router: Arc::new(|_| vec![DestinationName::new("crm")]),
        rules: crate::dedupe::Rules::default(),
        bells: crate::runtime::Bells::default(),
        watcher: Arc::new(Unwatched),
    };
    SettleWorker::new(parts, None)
}

/// Bo asks for something, and says why.
fn by_bo(offer: &str, description: &str, seconds: i64) -> Arrival {
    let body = format!(
        r#"{{"userDetails":{{"FirstName":"Bo","Email":"bo@example.com"}},"LeadSource":"AzureMarketplace-INS|{offer}","Description":"{description}"}}"#
    );
    Arrival {
        account: AccountName::new("default"),
        source: "web".into(),
        received_at: at(seconds),
        raw: RawLead {
            format: RawFormat::MarketplaceJson,
            reference: None,
            occurred_at: None,
            body: Bytes::from(body),
        },
    }
}

async fn settle_all(worker: &mut SettleWorker) {
    while worker.step(at(9)).await.unwrap() == Next::Again {}
}

#[tokio::test]
async fn a_mention_that_is_understood_during_the_search_is_taken_out_as_well() {
    let mention = "ada@example.com told me";
    // It waits when the search sees it, or comes after that.
    for waits in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let options = Options::at(directory.path().join("leadsync.db"));
        let store = Arc::new(SqliteStore::open(&options).unwrap());
        let mut worker = settle_worker(&store);
        store
            .accept(vec![by_bo("a.b", "call me", 1)], None)
            .await
            .unwrap();
        settle_all(&mut worker).await;
        let late = vec![by_bo("a.c", mention, 2)];
        if waits {
            store.accept(late.clone(), None).await.unwrap();
        }
        let seeker = ByAddress::new(ADA, vec![AccountName::new("default")], reader()).unwrap();
        let order = ForgetOrder {
            seeker: Some(Arc::new(seeker)),
            leads: Vec::new(),
            account: None,
            new_key: [7; 32],
            dry_run: false,
        };
        let found = search(&store, &order).await.unwrap();
        if !waits {
            store.accept(late, None).await.unwrap();
        }
        settle_all(&mut worker).await;
        let traces = carry_out(&store, order, found, codes::millis(at(10)))
            .await
            .unwrap();
        assert_eq!((traces.waiting, traces.mentions), (0, 1), "waits: {waits}");
        let filter = LeadFilter { limit: 9, fate: None };
        let leads = store.leads(filter).await.unwrap();
        assert_eq!(leads.len(), 1, "Bo stays");
        let touches = &leads[0].lead.touches;
        assert_eq!(touches.len(), 2);
        assert!(
            touches
                .iter()
                .any(|touch| touch.description == "[erased] told me")
        );
    }
}
