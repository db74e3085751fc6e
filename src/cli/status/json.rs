//! The same for programs.

use serde_json::{Map, Value, json};

use super::facts::{Facts, Source};
use super::gate_word;
use super::sources::silence;
use crate::cli::spending::Spending;
use crate::store::{DestinationGate, Lane};

/// Everything but the daemon itself.
pub(super) fn of(facts: &Facts) -> Value {
    let totals = &facts.totals;
    let outcomes = totals.outcomes.by_stage();
    let outcomes = outcomes
        .iter()
        .map(|(stage, leads)| (stage.as_str().to_owned(), (*leads).into()));
    let mut referrals = json!(facts.referrals);
    referrals["clocks_overdue"] = facts.overdue.into();
    let disk = &facts.footprint;
    json!({
        "accepted": totals.accepted, "repeats": totals.repeats, "merged": totals.merged,
        "refused": totals.refused, "quarantined": totals.quarantined, "unsettled": totals.unsettled,
        "today": facts.today(),
        "leads": totals.leads,
        "suppressed": { "test_lead": totals.suppressed_test, "do_not_contact": totals.suppressed_dnc, "no_route": totals.suppressed_no_route,
            "closed_referral": totals.suppressed_closed, "own_referral": totals.suppressed_own, "forgotten": totals.suppressed_forgotten },
        "forgotten": totals.forgotten,
        "deliveries": { "delivered": totals.delivered, "closed": totals.closed, "pending": totals.pending, "withheld": totals.withheld, "dead": totals.dead },
        "receipts": totals.receipts,
        "outcomes": outcomes.collect::<Map<_, _>>(),
        "destinations": facts.destinations.iter().map(destination).collect::<Vec<_>>(),
        "sources": facts.sources.iter().map(|one| source(one, facts)).collect::<Vec<_>>(),
        "referrals": referrals,
        "next_clock_due": facts.next_due.map(|at| at.to_rfc3339()),
        "disk": { "free": disk.free, "size": disk.disk, "floor": disk.floor, "database": disk.database, "log": disk.log },
    })
}

fn destination(spending: &Spending) -> Value {
    let status = &spending.status;
    let (until, reason, hint) = match &status.gate {
        DestinationGate::Open => (None, None, None),
        DestinationGate::Held { until, reason, .. } => (Some(until.to_rfc3339()), Some(reason), None),
        DestinationGate::Parked { reason, hint } => (None, Some(reason), Some(hint)),
    };
    let lanes = Lane::ALL.iter().zip(&status.lanes).map(|(lane, queue)| {
        let queue = json!({ "due": queue.due, "oldest": queue.oldest.map(|at| at.to_rfc3339()) });
        (lane.as_str().to_owned(), queue)
    });
    json!({
        "name": status.name, "gate": gate_word(&status.gate), "until": until, "reason": reason, "hint": hint,
        "resting_since": status.resting_since.map(|at| at.to_rfc3339()),
        "due": status.due, "lanes": lanes.collect::<Map<_, _>>(),
        "waiting": status.waiting, "delivered": status.delivered, "closed": status.closed, "dead": status.dead,
        "oldest_due": status.oldest_due.map(|at| at.to_rfc3339()), "calls": spending.as_json(),
    })
}

fn source(source: &Source, facts: &Facts) -> Value {
    let rhythm = &source.rhythm;
    json!({
        "name": source.listened.name, "last_lead": rhythm.heard_at.map(|at| at.to_rfc3339()),
        "last_test_lead": rhythm.tried_at.map(|at| at.to_rfc3339()), "today": source.today(facts.now),
        "silent": rhythm.silence.is_some(), "silent_since": rhythm.silence.map(|silence| silence.since.to_rfc3339()),
        "silent_at": source.silent_at.map(|at| at.to_rfc3339()), "silence": silence(source, facts),
    })
}
