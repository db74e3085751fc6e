//! What is logged of a batch: ids and nothing else.

use tracing::{info, warn};

use crate::dedupe;
use crate::store::{LeadChange, ReferralNote, Settlement, Understood};

/// One line per fate; many arrivals are summed up.
pub(super) fn tell(settlement: &Settlement) {
    for (id, understood) in &settlement.arrivals {
        if *understood == Understood::Forgotten {
            info!(
                event = "arrival_forgotten",
                arrival = id.0,
                "an arrival tells once more of somebody who was forgotten; its bytes are gone"
            );
        }
        if let Understood::Quarantined(reason) = understood {
            warn!(event = "quarantined", arrival = id.0, reason = ?reason, "an arrival cannot be understood; its bytes are kept");
        }
    }
    if let [(_, understood)] = settlement.arrivals.as_slice() {
        tell_one(understood);
        settlement.leads.iter().for_each(tell_referrals);
    } else if !settlement.arrivals.is_empty() {
        let referrals: usize = settlement.leads.iter().map(|change| change.referrals.len()).sum();
        info!(
            event = "settled",
            arrivals = settlement.arrivals.len(),
            leads = settlement.leads.len(),
            referrals,
            "arrivals understood"
        );
    }
}

fn tell_one(understood: &Understood) {
    match understood {
        Understood::New(lead) => info!(event = "lead_new", lead.id = %lead, "new lead"),
        Understood::Merged(lead) => info!(event = "lead_merged", lead.id = %lead, "a touch joined a lead"),
        Understood::Repeat(lead) => info!(event = "lead_repeat", lead.id = %lead, "the same touch again"),
        Understood::Quarantined(_) | Understood::Forgotten => {}
    }
}

/// A referral is new while nobody was known under its id.
fn tell_referrals(change: &LeadChange) {
    let lead = change.lead.id;
    for ReferralNote { referral, link, .. } in &change.referrals {
        let identity = dedupe::referral_identity(&change.lead.account, &referral.id);
        if change.identities.contains(&identity) {
            info!(event = "referral_new", referral.id = %referral.id, lead.id = %lead, link = link.as_str(), "new referral");
        } else {
            info!(event = "referral_changed", referral.id = %referral.id, lead.id = %lead, "another version of a referral");
        }
    }
}
