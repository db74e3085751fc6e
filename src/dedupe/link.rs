//! Whether what becomes of a lead is what becomes of a referral that joins it.

use chrono::TimeDelta;
use connector_kit::lead::{Lead, Touch};
use connector_kit::{Referral, ReferralId};

use super::key::{referral_touch, touch_key};
use crate::store::{Link, TouchSpan};

/// How far from the referral an inquiry may lie to be the same one (contract partner-center 11.7.5).
const NEAR: TimeDelta = TimeDelta::hours(24);

/// Decides it for a referral that was not seen before. `before` is the lead it joins and `spans` the
/// runs of that lead's touches, both without the referral.
///
/// A person has one record in a CRM, and a referral that is closed stays closed: a wrong link would
/// become a wrong report for ever. So the person must have asked once, about one thing, within a day
/// of the referral, and nothing else may be known of them. Whoever is not linked stays visible, and an
/// operator may link them.
pub(super) fn link(referral: &Referral, before: Option<&Lead>, spans: &[TouchSpan]) -> Link {
    if !referral.ours {
        return Link::OtherReferral;
    }
    let Some(lead) = before else { return Link::Own };
    if others(lead, referral) {
        return Link::OtherReferral;
    }
    let of_referrals: Vec<_> = lead
        .referrals
        .iter()
        .chain([referral])
        .map(|held| referral_touch(&held.id))
        .collect();
    let mut runs = spans.iter().filter(|run| !of_referrals.contains(&run.key));
    let Some(first) = runs.next() else {
        return Link::Own;
    };
    let is_near = |run: &TouchSpan| run.first_at.signed_duration_since(referral.created_at).abs() <= NEAR;
    let one_thing = is_near(first) && runs.all(|run| run.key == first.key && is_near(run));
    let inquiry = lead.touches.iter().find(|touch| touch_key(touch) == first.key);
    match inquiry {
        Some(touch) if one_thing && !contradicts(referral, touch) => Link::Matched,
        _ => Link::KnownBefore,
    }
}

/// Whether the lead knows any other referral that is ours to answer, closed ones included.
fn others(lead: &Lead, referral: &Referral) -> bool {
    let held = |id: &ReferralId| lead.referrals.iter().find(|held| held.id == *id);
    let is_ours = |id: &ReferralId| held(id).is_none_or(|held| held.ours);
    let of_touches = lead.touches.iter().filter_map(|touch| touch.referral.as_ref());
    let mut ids = lead
        .referrals
        .iter()
        .map(|held| &held.id)
        .chain(of_touches.map(|version| &version.id));
    ids.any(|other| *other != referral.id && is_ours(other))
}

/// Whether both name what it is about, in ids of one kind, and none is the same. A solution of the
/// catalogue and an offer of the marketplace cannot be compared.
fn contradicts(referral: &Referral, touch: &Touch) -> bool {
    let kind = kind_of(&touch.offer);
    let mut comparable = referral
        .solutions
        .iter()
        .filter(|solution| kind.is_some() && kind_of(solution) == kind)
        .peekable();
    comparable.peek().is_some() && !comparable.any(|solution| solution.eq_ignore_ascii_case(&touch.offer))
}

/// The kinds of ids that can be told apart (contract partner-center 5.1, 10.2).
#[derive(PartialEq, Eq)]
enum IdKind {
    /// `SOL-34104-EBB`
    Solution,
    /// `publisher.offer`
    Offer,
}

fn kind_of(id: &str) -> Option<IdKind> {
    let is_solution = |head: &str| head.eq_ignore_ascii_case("SOL-");
    match id {
        id if id.get(..4).is_some_and(is_solution) => Some(IdKind::Solution),
        id if id.contains('.') && !id.contains(char::is_whitespace) => Some(IdKind::Offer),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
