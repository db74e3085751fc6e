//! Clocks run once, and end by what they wait for.

use super::*;
use crate::store::ClockKind::{Answer, DirectContact, FollowUp};

pub(super) async fn promises<S: Store>(fresh: &impl Fn() -> S) {
    a_clock_runs_once(&fresh()).await;
    a_referral_that_is_answered_meets_its_clocks(&fresh).await;
    work_in_the_crm_meets_the_clocks_of_the_lead_and_its_linked_referrals(&fresh()).await;
    work_that_was_known_before_meets_the_clocks_of_a_linked_referral(&fresh()).await;
    a_link_by_hand_lets_the_crm_speak(&fresh()).await;
    a_clock_about_the_referral_of_another_lead_is_not_started(&fresh()).await;
    what_was_told_of_a_clock_is_kept(&fresh()).await;
}

fn start(kind: ClockKind, referral: Option<u8>) -> ClockStart {
    let hours = match kind {
        ClockKind::FollowUp => 24,
        ClockKind::DirectContact => 72,
        ClockKind::Answer => 14 * 24,
    };
    ClockStart {
        kind,
        referral: referral.map(id),
        starts_at: at(0),
        due_at: at(0) + TimeDelta::hours(hours),
    }
}

const KINDS: [ClockKind; 3] = [ClockKind::Answer, ClockKind::DirectContact, ClockKind::FollowUp];

/// A new lead with a referral of the same number and all the clocks of both.
fn timed(number: u8, link: Link) -> LeadChange {
    let mut clocks: Vec<_> = KINDS.map(|kind| start(kind, Some(number))).to_vec();
    clocks.push(start(ClockKind::FollowUp, None));
    LeadChange {
        referrals: vec![note(pending(number), link)],
        clocks,
        ..new_lead(number)
    }
}

/// Kind, whether it is about a referral, and how it ended.
type Seen = (ClockKind, bool, Option<ClockEnd>);

async fn seen(store: &dyn Store, number: u8) -> Vec<Seen> {
    let filter = ClockFilter {
        lead: Some(lead(number).id),
        ended: true,
        ..ClockFilter::default()
    };
    let clocks = store.clocks(filter).await.unwrap();
    clocks
        .into_iter()
        .map(|clock| (clock.kind, clock.referral.is_some(), clock.end))
        .collect()
}

async fn ends(store: &dyn Store, number: u8) -> Vec<Option<ClockEnd>> {
    seen(store, number)
        .await
        .into_iter()
        .map(|clock| clock.2)
        .collect()
}

async fn a_clock_runs_once(store: &dyn Store) {
    write(store, timed(1, Link::Own), 0).await;
    let later = |clock: ClockStart| ClockStart {
        due_at: at(1),
        ..clock
    };
    let again = LeadChange {
        clocks: timed(1, Link::Own).clocks.into_iter().map(later).collect(),
        ..known_lead(store, 1).await
    };
    write(store, again, 5).await;
    let running = [
        (FollowUp, true, None),
        (FollowUp, false, None),
        (DirectContact, true, None),
        (Answer, true, None),
    ];
    assert_eq!(seen(store, 1).await, running);
    let clocks = look(store, 1).await.clocks;
    assert_eq!(clocks.len(), 3, "those of the referral");
    assert_eq!(
        (clocks[0].due_at, clocks[0].starts_at, clocks[0].lead),
        (at(86_400), at(0), lead(1).id)
    );
    assert_eq!(
        (&clocks[0].account, &clocks[0].referral),
        (&AccountName::new("default"), &Some(id(1)))
    );
}

async fn a_referral_that_is_answered_meets_its_clocks<S: Store>(fresh: &impl Fn() -> S) {
    let met = Some(ClockEnd::Met(at(5)));
    let missed = Some(ClockEnd::Missed(at(5)));
    let table = [
        (ReferralState::Received, None),
        (ReferralState::Accepted, met),
        (ReferralState::Engaged, met),
        (ReferralState::Declined, met),
        (ReferralState::Won, met),
        (ReferralState::Lost, met),
        (ReferralState::Expired, missed),
        (ReferralState::Error, missed),
        (ReferralState::read("Paused", "Waiting"), None),
    ];
    for (state, end) in table {
        let store = &fresh();
        write(store, timed(1, Link::Own), 0).await;
        see_again(store, 1, referral(1, 5, state.clone()), 9).await;
        // In between stands the clock of the lead, which waits for somebody to work on it.
        assert_eq!(ends(store, 1).await, [end, None, end, end], "{state}");
        see_again(store, 1, referral(1, 7, ReferralState::Expired), 9).await;
        let last = end.or(Some(ClockEnd::Missed(at(7))));
        assert_eq!(ends(store, 1).await, [last, None, last, last], "{state}");
    }
    let store = &fresh();
    let change = LeadChange {
        referrals: vec![note(referral(1, 5, ReferralState::Accepted), Link::Own)],
        ..timed(1, Link::Own)
    };
    write(store, change, 9).await;
    assert_eq!(
        ends(store, 1).await,
        [met, None, met, met],
        "it was accepted before we saw it"
    );
}

async fn work_in_the_crm_meets_the_clocks_of_the_lead_and_its_linked_referrals(store: &dyn Store) {
    let unlinked = timed(1, Link::KnownBefore);
    write(store, unlinked, 0).await;
    let linked = LeadChange {
        referrals: vec![note(pending(2), Link::Matched)],
        clocks: KINDS.map(|kind| start(kind, Some(2))).to_vec(),
        ..known_lead(store, 1).await
    };
    write(store, linked, 1).await;
    let open = Outcome {
        owned: true,
        ..said(1, Stage::Open, 5)
    };
    hear_crm(store, open, 6).await;
    assert!(
        ends(store, 1).await.iter().all(Option::is_none),
        "nobody works on it"
    );
    hear_crm(store, said(1, Stage::Accepted, 7), 20).await;
    let running: Vec<_> = store
        .clocks(ClockFilter {
            lead: Some(lead(1).id),
            ..ClockFilter::default()
        })
        .await
        .unwrap()
        .into_iter()
        .map(|clock| (clock.kind, clock.referral))
        .collect();
    assert_eq!(
        running,
        [
            (FollowUp, Some(id(1))),
            (DirectContact, Some(id(1))),
            (Answer, Some(id(1))),
            (Answer, Some(id(2))),
        ]
    );
    hear_crm(store, said(1, Stage::Lost, 9), 30).await;
    let met = ends(store, 1).await.into_iter().flatten();
    assert_eq!(
        met.collect::<Vec<_>>(),
        [ClockEnd::Met(at(7)); 3],
        "the first time counts"
    );
}

async fn work_that_was_known_before_meets_the_clocks_of_a_linked_referral(store: &dyn Store) {
    take_in(store, 1).await;
    hear_crm(store, said(1, Stage::Accepted, 7), 8).await;
    let change = LeadChange {
        before: known_lead(store, 1).await.before,
        routes: Vec::new(),
        ..timed(1, Link::Matched)
    };
    write(store, change, 9).await;
    let met = Some(ClockEnd::Met(at(7)));
    // The clock of the lead waits for news: the person asked again.
    assert_eq!(ends(store, 1).await, [met, None, met, None]);
}

async fn a_link_by_hand_lets_the_crm_speak(store: &dyn Store) {
    write(store, timed(1, Link::KnownBefore), 0).await;
    hear_crm(store, said(1, Stage::Accepted, 7), 8).await;
    let met = Some(ClockEnd::Met(at(7)));
    assert_eq!(ends(store, 1).await, [None, met, None, None]);
    store.link(&id(1), false, at(9)).await.unwrap();
    assert_eq!(ends(store, 1).await, [None, met, None, None]);
    store.link(&id(1), true, at(10)).await.unwrap();
    assert_eq!(ends(store, 1).await, [met, met, met, None]);
}

async fn a_clock_about_the_referral_of_another_lead_is_not_started(store: &dyn Store) {
    refer(store, 1).await;
    let change = LeadChange {
        referrals: vec![note(pending(1), Link::Own)],
        clocks: vec![
            start(ClockKind::Answer, Some(1)),
            start(ClockKind::FollowUp, None),
        ],
        ..new_lead(2)
    };
    write(store, change, 1).await;
    assert_eq!(seen(store, 2).await, [(ClockKind::FollowUp, false, None)]);
    assert!(seen(store, 1).await.is_empty());
}

async fn what_was_told_of_a_clock_is_kept(store: &dyn Store) {
    for number in [1, 2] {
        write(store, timed(number, Link::Own), 0).await;
    }
    let first = ClockFilter {
        limit: 1,
        ..ClockFilter::default()
    };
    let clock = store.clocks(first.clone()).await.unwrap().remove(0);
    assert_eq!(
        (clock.kind, clock.told, clock.alerted),
        (ClockKind::FollowUp, 0, 0)
    );
    store.clocks_told(vec![(clock.id, 2, 1)]).await.unwrap();
    let clock = store.clocks(first).await.unwrap().remove(0);
    assert_eq!((clock.told, clock.alerted), (2, 1));
    let all = store.clocks(ClockFilter::default()).await.unwrap();
    assert_eq!(all.len(), 8);
    assert!(
        all.is_sorted_by_key(|clock| clock.due_at),
        "those that are over first first"
    );
    let of_nobody = ClockFilter {
        lead: Some(lead(9).id),
        ..ClockFilter::default()
    };
    assert!(store.clocks(of_nobody).await.unwrap().is_empty());
}
