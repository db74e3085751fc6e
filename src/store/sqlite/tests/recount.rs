//! Whatever happens in whatever order, the totals are what a count of the rows gives.

use connector_kit::{ReferralChange, ReferralState, Stage};
use proptest::prelude::*;

use super::*;
use crate::store::conformance::referrals as there;
use crate::store::{Follow, Link, Order, ReferralStore, ReportLease, ReportResult};

/// Something that happens to one of a few referrals.
#[derive(Clone, Debug)]
enum Happening {
    Seen(u8, i64, usize),
    Said(u8, usize),
    Ordered(u8),
    Linked(u8, bool),
    Leased,
    Ended(usize),
    Told(u8, u8),
    Followed(bool),
    Later(i64),
    Restarted,
}

fn happening() -> impl Strategy<Value = Happening> {
    let who = 1_u8..4;
    prop_oneof![
        4 => (who.clone(), 1_i64..6, 0_usize..STATES.len()).prop_map(|(n, v, s)| Happening::Seen(n, v, s)),
        4 => (who.clone(), 0_usize..STAGES.len()).prop_map(|(n, stage)| Happening::Said(n, stage)),
        1 => who.clone().prop_map(Happening::Ordered),
        1 => (who.clone(), any::<bool>()).prop_map(|(n, linked)| Happening::Linked(n, linked)),
        4 => Just(Happening::Leased),
        4 => (0_usize..5).prop_map(Happening::Ended),
        2 => (who, 0_u8..6).prop_map(|(n, reference)| Happening::Told(n, reference)),
        2 => any::<bool>().prop_map(Happening::Followed),
        2 => (1_i64..90).prop_map(Happening::Later),
        1 => Just(Happening::Restarted),
    ]
}

const STATES: [ReferralState; 5] = [
    ReferralState::Received,
    ReferralState::Accepted,
    ReferralState::Won,
    ReferralState::Expired,
    ReferralState::Error,
];
const STAGES: [Stage; 4] = [Stage::Open, Stage::Accepted, Stage::Won, Stage::Gone];

struct History {
    store: SqliteStore,
    options: Options,
    held: Vec<ReportLease>,
    now: i64,
}

impl History {
    fn open(options: Options) -> Self {
        Self {
            store: SqliteStore::open_inline(&options).unwrap(),
            options,
            held: Vec::new(),
            now: 0,
        }
    }

    async fn take(mut self, happening: Happening) -> Self {
        self.now += 1;
        let (store, now) = (&self.store, self.now);
        match happening {
            Happening::Seen(number, version, state) => {
                let referral = there::referral(number, version, STATES[state].clone());
                there::see_again(store, number, referral, now).await;
            }
            Happening::Said(number, stage) => {
                there::say(store, there::said(number, STAGES[stage], now), now).await;
            }
            Happening::Ordered(number) => {
                let order = Order {
                    change: ReferralChange::default(),
                    at: conformance::at(now),
                };
                store.order(&there::id(number), order).await.unwrap();
            }
            Happening::Linked(number, linked) => {
                let (id, now) = (there::id(number), conformance::at(now));
                store.link(&id, linked, now).await.unwrap();
            }
            Happening::Leased => self.held.extend(there::lease(store, now).await),
            Happening::Ended(how) => {
                if let Some(lease) = self.held.pop() {
                    there::end(store, there::ended(lease, result(how, now)), now).await;
                }
            }
            Happening::Told(number, reference) => {
                let told = there::notices::told(number, &reference.to_string(), now);
                store.hear(vec![told]).await.unwrap();
            }
            Happening::Followed(found) => self.follow(found).await,
            Happening::Later(seconds) => self.now += seconds,
            Happening::Restarted => {
                let options = self.options.clone();
                drop(self.store);
                self.store = SqliteStore::open_inline(&options).unwrap();
            }
        }
        self
    }

    async fn follow(&self, found: bool) {
        let source = there::partners();
        let due = self.store.notices(&source, 1, conformance::at(self.now));
        let Some(waiting) = due.await.unwrap().waiting.pop() else {
            return;
        };
        let came_of_it = if found {
            Follow::Read(waiting.ids, Box::new(conformance::arrival(None)))
        } else {
            Follow::Later(waiting.ids, conformance::at(self.now + 20))
        };
        self.store.follow(&source, vec![came_of_it]).await.unwrap();
    }
}

fn result(how: usize, now: i64) -> ReportResult {
    let later = conformance::at(now + 20);
    match how {
        0 => ReportResult::Settled,
        1 => ReportResult::Refused {
            reason: "no value".into(),
            hint: "enter one".into(),
        },
        2 => ReportResult::Waiting {
            until: later,
            reason: "nobody owns it".into(),
        },
        3 => ReportResult::Retry(later, conformance::failure()),
        _ => ReportResult::Returned,
    }
}

/// Scope, counter, value.
fn rows(path: &std::path::Path, sql: &str) -> Vec<(i64, i64, i64)> {
    let raw = rusqlite::Connection::open(path).unwrap();
    let mut statement = raw.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_totals_of_referrals_are_what_a_count_gives(happenings in proptest::collection::vec(happening(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leadsync.db");
        runtime.block_on(async {
            let mut history = History::open(Options::at(&path));
            for number in 1..4 {
                let link = if number == 3 { Link::KnownBefore } else { Link::Own };
                there::refer_as(&history.store, number, link).await;
            }
            for happening in happenings {
                history = history.take(happening).await;
            }
        });
        let kept = rows(&path, "SELECT scope, counter, value FROM counters WHERE counter >= 400 AND value <> 0 ORDER BY 1, 2");
        let counted = rows(&path, "SELECT * FROM (
            SELECT sink, 400 + state AS counter, count(*) FROM reports GROUP BY 1, 2
            UNION ALL SELECT source, 500 + state, count(*) FROM referrals GROUP BY 1, 2
            UNION ALL SELECT source, 600, count(*) FROM notices GROUP BY 1, 2) ORDER BY 1, 2");
        prop_assert_eq!(kept, counted);
    }
}
