//! What [`ReferralDesk`] promises.

use std::sync::Arc;

use super::{DeskHarness, OtherSide};
use crate::error::{ConnectorError, ErrorKind};
use crate::referral::{Referral, ReferralChange, ReferralId, ReferralMove};
use crate::roles::ReferralDesk;

/// Stands in every note that is written, and in no message.
const CANARY: &str = "canary-note";

/// Checks every promise of a referral desk.
///
/// # Panics
/// When one is broken.
pub async fn referrals(harness: &dyn DeskHarness) {
    what_is_not_there_is_none(harness).await;
    what_a_write_gives_is_what_a_read_gives(harness).await;
    a_stale_view_is_a_conflict_and_changes_nothing(harness).await;
    nothing_illegal_and_nothing_after_the_end_leaves(harness).await;
    an_unanswered_write_is_tried_once_and_leaves_a_readable_truth(harness).await;
}

/// One new referral, and those around it.
struct Scene {
    desk: Arc<dyn ReferralDesk>,
    other: Arc<dyn OtherSide>,
    id: ReferralId,
}

impl Scene {
    async fn of(harness: &dyn DeskHarness) -> Self {
        let (desk, other, id) = harness.with_new_referral().await;
        Self { desk, other, id }
    }

    async fn seen(&self) -> Option<Referral> {
        let read = self.desk.read(&self.id).await;
        assert!(
            matches!(read, Ok(Some(_))),
            "a referral that is there can be read: {read:?}"
        );
        read.ok().flatten().map(|fetched| fetched.referral)
    }

    /// Writes what must not be done; the other side must not hear of it.
    async fn refuses(&self, seen: &Referral, change: &ReferralChange, why: &str) {
        let before = self.other.writes().await;
        let refused = self.desk.write(seen, change).await;
        assert_eq!(
            refused.as_ref().err().map(ConnectorError::kind),
            Some(ErrorKind::Rejected),
            "{why}: {:?} from {}",
            change.step,
            seen.state
        );
        assert_eq!(self.other.writes().await, before, "{why}: nothing leaves");
    }
}

fn note() -> ReferralChange {
    ReferralChange {
        notes: Some(format!("{CANARY}, by phone")),
        ..ReferralChange::default()
    }
}

fn step(step: ReferralMove) -> ReferralChange {
    ReferralChange {
        step: Some(step),
        reason: (step == ReferralMove::Decline).then(|| "no answer".to_owned()),
        ..ReferralChange::default()
    }
}

fn accept() -> ReferralChange {
    ReferralChange {
        name: Some("Rollout".into()),
        value: "20000.50".parse().ok(),
        currency: Some("EUR".into()),
        closes_on: "2031-01-31".parse().ok(),
        step: Some(ReferralMove::Accept),
        ..note()
    }
}

async fn what_is_not_there_is_none(harness: &dyn DeskHarness) {
    let scene = Scene::of(harness).await;
    let Ok(nobody) = "00000000-0000-4000-8000-000000000000".parse() else {
        return;
    };
    let read = scene.desk.read(&nobody).await;
    assert!(
        matches!(read, Ok(None)),
        "what is not there is none, not an error: {read:?}"
    );
}

async fn what_a_write_gives_is_what_a_read_gives(harness: &dyn DeskHarness) {
    let scene = Scene::of(harness).await;
    let Some(seen) = scene.seen().await else { return };
    let written = scene.desk.write(&seen, &accept()).await;
    assert!(written.is_ok(), "a legal change is written: {:?}", written.err());
    let (Ok(written), Ok(Some(read))) = (written, scene.desk.read(&scene.id).await) else {
        return;
    };
    assert_eq!(written.referral, read.referral, "a write gives what it became");
    assert_eq!(
        written.raw.reference, read.raw.reference,
        "one version has one reference"
    );
    assert_ne!(
        seen.etag, written.referral.etag,
        "another version has another eTag"
    );
    assert!(
        accept().beyond(&written.referral).is_empty(),
        "all of it is written: {:?}",
        accept().beyond(&written.referral).fields()
    );
}

async fn a_stale_view_is_a_conflict_and_changes_nothing(harness: &dyn DeskHarness) {
    let scene = Scene::of(harness).await;
    let Some(stale) = scene.seen().await else { return };
    scene.other.touch(&scene.id).await;
    let Some(newer) = scene.seen().await else { return };
    for change in [accept(), note(), step(ReferralMove::Decline)] {
        let written = scene.desk.write(&stale, &change).await;
        let kind = written.as_ref().err().map(ConnectorError::kind);
        assert_eq!(kind, Some(ErrorKind::Conflict), "a stale view is a conflict");
    }
    assert_eq!(scene.seen().await, Some(newer), "a stale view changes nothing");
}

async fn nothing_illegal_and_nothing_after_the_end_leaves(harness: &dyn DeskHarness) {
    let scene = Scene::of(harness).await;
    let Some(new) = scene.seen().await else { return };
    for illegal in [ReferralMove::Win, ReferralMove::Lose] {
        scene.refuses(&new, &step(illegal), "an illegal step").await;
    }
    scene.other.expire(&scene.id).await;
    let Some(closed) = scene.seen().await else { return };
    assert!(closed.state.is_terminal(), "it is expired: {}", closed.state);
    for late in [
        accept(),
        note(),
        step(ReferralMove::Decline),
        step(ReferralMove::Win),
    ] {
        scene.refuses(&closed, &late, "a closed referral").await;
    }
}

async fn an_unanswered_write_is_tried_once_and_leaves_a_readable_truth(harness: &dyn DeskHarness) {
    for applied in [false, true] {
        let scene = Scene::of(harness).await;
        let Some(seen) = scene.seen().await else { return };
        let before = scene.other.writes().await;
        scene.other.cut_next(applied).await;
        let Err(error) = scene.desk.write(&seen, &accept()).await else {
            panic!("an unanswered write is an error");
        };
        assert!(
            matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Broken),
            "an unanswered write may have been done: {error}"
        );
        assert!(
            !error.to_string().contains(CANARY),
            "no message quotes what was sent"
        );
        let arrived = scene.other.writes().await - before;
        assert_eq!(arrived, usize::from(applied), "it is tried once");
        let Some(found) = scene.seen().await else { return };
        let left = accept().beyond(&found);
        assert_eq!(left.is_empty(), applied, "reading tells whether it was done");
        if !applied {
            let again = scene.desk.write(&found, &left).await;
            assert!(again.is_ok(), "what was not done can be done: {:?}", again.err());
        }
    }
}
