//! Why a lead goes nowhere, or where it goes.

use connector_kit::{DestinationName, Lead};

use super::Rules;
use crate::normalize::Understanding;
use crate::store::{Lane, Suppression};

/// Where it goes, each with its lane.
pub(super) type Routes = Vec<(DestinationName, Lane)>;

/// What the fate of a lead depends on beside the lead itself.
pub(super) struct Standing {
    /// It began with a try-out.
    pub(super) test_lead: bool,
    /// There is, or once was, something in it that is worth a delivery.
    pub(super) worth: bool,
    /// How far it is.
    pub(super) way: Way,
}

/// How far a lead is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It never went anywhere.
    NotBegun,
    /// It is on its way, and a destination would see a difference.
    Changed,
    /// It is on its way as it is.
    Unchanged,
}

/// The first rule that applies is named.
pub(super) fn fate(
    lead: &Lead,
    standing: &Standing,
    rules: &Rules,
    route: &dyn Fn(&Lead) -> Vec<DestinationName>,
) -> (Option<Suppression>, Routes) {
    if standing.test_lead && !rules.forward_test_leads {
        return (Some(Suppression::TestLead), Vec::new());
    }
    if lead.dnc {
        return (Some(Suppression::DoNotContact), Vec::new());
    }
    if !standing.worth {
        return (Some(idle(lead)), Vec::new());
    }
    let lane = match (standing.way, lead.is_hot()) {
        (Way::Unchanged, _) => return (None, Vec::new()),
        (_, true) => Lane::Hot,
        (Way::Changed, false) => Lane::Update,
        (Way::NotBegun, false) => Lane::Live,
    };
    let routes: Vec<_> = route(lead)
        .into_iter()
        .map(|destination| (destination, lane))
        .collect();
    let stranded = routes.is_empty() && standing.way == Way::NotBegun;
    (stranded.then_some(Suppression::NoRoute), routes)
}

/// Whether what arrived makes `lead` worth a delivery: somebody asked, or a referral waits for us. A
/// version that is overtaken does not.
pub(super) fn is_worth(new: &Understanding, lead: &Lead) -> bool {
    let Some(referral) = &new.referral else {
        return true;
    };
    let newest = lead.referrals.iter().find(|held| held.id == referral.id);
    newest.unwrap_or(referral).is_open_to_us()
}

/// Why nobody would work on a lead that never was worth it: some of its referrals came to us and are
/// closed, or we sent all of them. What is the other side's to answer is what we sent them.
fn idle(lead: &Lead) -> Suppression {
    if lead
        .referrals
        .iter()
        .any(|referral| referral.incoming && referral.ours)
    {
        Suppression::ClosedReferral
    } else {
        Suppression::OwnReferral
    }
}
