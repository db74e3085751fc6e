//! What was delivered is counted where it is, by the emulator's own filters.

use connector_kit::{Census, Held, Role, Sought};

use super::{Azurite, Watched, connect, deliver, scattered};
use crate::support::noon;

async fn list(census: &dyn Census, since: chrono::DateTime<chrono::Utc>) -> Vec<Held> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = census.list(since, after.as_ref()).await.expect("a page");
        all.extend(page.items);
        if !page.more {
            return all;
        }
        after = page.next;
    }
}

#[tokio::test]
async fn leads_of_five_months_are_found_in_a_call_each_and_listed_in_pages() {
    let azurite = Azurite::start();
    let leads = scattered(1_200);
    let way = Watched::new();
    for some in leads.chunks(100) {
        deliver(&azurite.with_key(), some, &way).await;
    }
    let counting = Watched::new();
    let connector = connect(&azurite.with_key(), Role::Destination, "", |_| {}, &counting);
    let census = connector.census.expect("rows can be counted");
    let sought: Vec<Sought> = leads
        .iter()
        .take(census.at_once())
        .map(|delivery| Sought {
            lead: delivery.lead.id,
            record: None,
        })
        .collect();
    let found = census.find(&sought).await.expect("found");
    assert_eq!(found.len(), sought.len());
    assert!(
        found
            .iter()
            .all(|held| held.revision == Some(1) && held.person.is_some())
    );
    assert_eq!(
        counting.calls(),
        ["GET MarketplaceLeads"; 5],
        "one for each month"
    );

    assert_eq!(
        list(&*census, noon() - chrono::TimeDelta::days(9_999))
            .await
            .len(),
        leads.len()
    );
    let later = chrono::DateTime::from_timestamp(7_000_000_000, 0).expect("a moment");
    assert_eq!(list(&*census, later).await, []);
}
