//! The referrals a lead carries, joined the way its other registers are.

use std::cmp::Reverse;

use connector_kit::Referral;
use connector_kit::lead::REFERRALS_CARRIED;

/// Of each referral the newer view stays; those made last are carried, the newest first.
pub(super) fn join(carried: &mut Vec<Referral>, seen: &Referral) {
    match carried.iter_mut().find(|held| held.id == seen.id) {
        Some(held) => *held = held.clone().newer(seen.clone()),
        None => carried.push(seen.clone()),
    }
    carried.sort_by(|one, other| {
        let place = |referral: &Referral| Reverse(referral.created_at);
        place(one).cmp(&place(other)).then_with(|| one.id.cmp(&other.id))
    });
    carried.truncate(REFERRALS_CARRIED);
}

/// Whether a destination would see no difference. When the other side only touched a referral, so
/// that it carries another moment and eTag, it would not.
pub(super) fn say_the_same(before: &[Referral], after: &[Referral]) -> bool {
    let same = |(one, other): (&Referral, &Referral)| {
        let touched = Referral {
            updated_at: other.updated_at,
            etag: other.etag.clone(),
            ..one.clone()
        };
        touched == *other
    };
    before.len() == after.len() && before.iter().zip(after).all(same)
}
