//! What every store promises about outcomes.

use connector_kit::{DealValue, Outcome, RecordRef, Stage, Subject};

use super::*;

fn watched() -> SourceName {
    SourceName::new("crm")
}

fn says(number: u8, record: &str, stage: Stage, seconds: i64) -> Outcome {
    Outcome {
        lead: Some(lead(number).id),
        record: RecordRef(record.into()),
        subject: if record.starts_with("deal") {
            Subject::Deal
        } else {
            Subject::Lead
        },
        stage,
        state: format!("{stage:?} in their words"),
        value: (stage == Stage::Won).then(|| DealValue {
            amount: "20000.50".parse().unwrap(),
            currency: Some("EUR".into()),
        }),
        closes_on: "2026-12-31".parse().ok(),
        reason: None,
        owned: false,
        changed_at: at(seconds),
    }
}

async fn see(store: &dyn Store, outcomes: Vec<Outcome>, checkpoint: &str) -> Vec<Noted> {
    let sighting = Sighting {
        source: watched(),
        account: AccountName::new("default"),
        outcomes,
        checkpoint: Some(Checkpoint(checkpoint.into())),
    };
    store.observe(sighting, at(100)).await.unwrap()
}

async fn holding(store: &dyn Store) -> Vec<(LeadId, Stage)> {
    let rows = store.outcomes(OutcomeFilter::default()).await.unwrap();
    rows.into_iter()
        .map(|row| (row.lead, row.outcome.stage))
        .collect()
}

/// Tries every promise, each on a fresh store.
pub(super) async fn promises<S: Store>(fresh: impl Fn() -> S) {
    what_a_crm_says_is_kept_with_its_checkpoint(&fresh()).await;
    what_is_said_twice_is_kept_once(&fresh()).await;
    what_is_overtaken_changes_nothing(&fresh()).await;
    a_deal_holds_against_later_changes_of_the_lead(&fresh()).await;
    a_lead_nobody_touched_has_no_outcome(&fresh()).await;
    strangers_and_the_leads_of_other_accounts_are_left_alone(&fresh()).await;
    a_deleted_record_is_known_by_its_name(&fresh()).await;
}

async fn what_a_crm_says_is_kept_with_its_checkpoint(store: &dyn Store) {
    take_in(store, 1).await;
    assert_eq!(store.watched_until(&watched()).await.unwrap(), None);
    let won = says(1, "deal 1", Stage::Won, 5);
    assert_eq!(see(store, vec![won.clone()], "page 1").await, [Noted::News]);
    let checkpoint = store.watched_until(&watched()).await.unwrap();
    assert_eq!(checkpoint, Some(Checkpoint("page 1".into())));
    assert_eq!(
        store.checkpoint(&watched()).await.unwrap(),
        None,
        "a poll has its own"
    );
    let rows = store.outcomes(OutcomeFilter::default()).await.unwrap();
    assert_eq!(rows[0].outcome, won);
    assert_eq!((rows[0].seen_at, rows[0].holds), (at(100), true));
    assert_eq!(store.totals().await.unwrap().outcomes.won, 1);
}

async fn what_is_said_twice_is_kept_once(store: &dyn Store) {
    take_in(store, 1).await;
    see(store, vec![says(1, "lead 1", Stage::Accepted, 5)], "1").await;
    let again = vec![
        says(1, "lead 1", Stage::Accepted, 5),
        says(1, "lead 1", Stage::Accepted, 9),
    ];
    assert_eq!(see(store, again, "2").await, [Noted::Known, Noted::Known]);
    let history = OutcomeFilter {
        lead: Some(lead(1).id),
        ..OutcomeFilter::default()
    };
    assert_eq!(store.outcomes(history).await.unwrap().len(), 1);
}

async fn what_is_overtaken_changes_nothing(store: &dyn Store) {
    take_in(store, 1).await;
    let told = vec![
        says(1, "lead 1", Stage::Declined, 9),
        says(1, "lead 1", Stage::Accepted, 5),
    ];
    assert_eq!(see(store, told, "1").await, [Noted::News, Noted::Known]);
    assert_eq!(holding(store).await, [(lead(1).id, Stage::Declined)]);
}

async fn a_deal_holds_against_later_changes_of_the_lead(store: &dyn Store) {
    take_in(store, 1).await;
    let told = vec![
        says(1, "lead 1", Stage::Accepted, 1),
        says(1, "deal 1", Stage::Lost, 3),
        says(1, "deal 2", Stage::Won, 4),
        says(1, "lead 1", Stage::Declined, 9),
    ];
    see(store, told, "1").await;
    assert_eq!(holding(store).await, [(lead(1).id, Stage::Won)]);
    let totals = store.totals().await.unwrap().outcomes;
    assert_eq!(
        (totals.won, totals.lost, totals.accepted, totals.declined),
        (1, 0, 0, 0)
    );
    see(store, vec![says(1, "deal 2", Stage::Lost, 12)], "2").await;
    assert_eq!(
        holding(store).await,
        [(lead(1).id, Stage::Lost)],
        "a won deal was reopened and lost"
    );
    let history = OutcomeFilter {
        lead: Some(lead(1).id),
        ..OutcomeFilter::default()
    };
    let rows = store.outcomes(history).await.unwrap();
    assert_eq!((rows.len(), rows.iter().filter(|row| row.holds).count()), (5, 1));
}

async fn a_lead_nobody_touched_has_no_outcome(store: &dyn Store) {
    take_in(store, 1).await;
    let open = vec![says(1, "lead 1", Stage::Open, 1)];
    assert_eq!(see(store, open, "1").await, [Noted::Known]);
    assert_eq!(holding(store).await, []);
    let back = vec![
        says(1, "lead 1", Stage::Accepted, 2),
        says(1, "lead 1", Stage::Open, 3),
    ];
    assert_eq!(see(store, back, "2").await, [Noted::News, Noted::News]);
    assert_eq!(
        holding(store).await,
        [(lead(1).id, Stage::Open)],
        "taken back is told"
    );
}

async fn strangers_and_the_leads_of_other_accounts_are_left_alone(store: &dyn Store) {
    take_in(store, 1).await;
    let stranger = vec![says(7, "lead 7", Stage::Won, 1)];
    assert_eq!(see(store, stranger, "1").await, [Noted::Stranger]);
    let sighting = Sighting {
        source: watched(),
        account: AccountName::new("other"),
        outcomes: vec![says(1, "lead 1", Stage::Won, 1)],
        checkpoint: None,
    };
    assert_eq!(store.observe(sighting, at(1)).await.unwrap(), [Noted::Stranger]);
    assert_eq!(holding(store).await, []);
}

async fn a_deleted_record_is_known_by_its_name(store: &dyn Store) {
    take_in(store, 1).await;
    let told = vec![
        says(1, "lead 1", Stage::Accepted, 1),
        says(1, "deal 1", Stage::Lost, 3),
    ];
    see(store, told, "1").await;
    let gone = |record: &str| Outcome {
        lead: None,
        ..says(1, record, Stage::Gone, 9)
    };
    let noted = see(store, vec![gone("deal 1"), gone("deal 2")], "2").await;
    assert_eq!(noted, [Noted::News, Noted::Stranger]);
    assert_eq!(holding(store).await, [(lead(1).id, Stage::Accepted)]);
}
