//! `leadsync status`: one screen.

use chrono::{DateTime, Utc};

use super::spending::Spending;
use super::tables::Table;
use super::{Exit, Place, clocks, house, screen};
use crate::app;
use crate::store::{
    DestinationGate, DestinationStatus, OutcomeTotals, ReferralStore, ReferralTotals, Store, Suppression,
    Totals,
};

/// Shows totals and destinations.
pub(super) fn status(place: &Place) -> Result<(), Exit> {
    let now = house::now();
    let budgets = app::budgets(&house::config(place)?);
    let (totals, referrals, destinations) = house::ask(place, |store| async move {
        let referrals = Referrals {
            totals: store.referral_totals().await?,
            overdue: clocks::overdue(&store, now).await?,
        };
        Ok((store.totals().await?, referrals, store.destinations(now).await?))
    })?;
    let spending = |status| Spending::new(status, &budgets, now);
    let destinations: Vec<Spending> = destinations.into_iter().map(spending).collect();
    if place.json {
        let mut value = as_json(&totals, &destinations);
        value["referrals"] = referrals.as_json();
        screen::json(&value);
    } else {
        print(&totals, &referrals, &destinations, now);
    }
    Ok(())
}

/// Referrals at a glance.
struct Referrals {
    totals: ReferralTotals,
    overdue: usize,
}

impl Referrals {
    /// One line; none while there was never a referral and no clock is overdue.
    fn line(&self) -> Option<String> {
        let totals = &self.totals;
        if *totals == ReferralTotals::default() && self.overdue == 0 {
            return None;
        }
        let closed = totals.won + totals.lost + totals.declined + totals.expired;
        let other = match totals.other {
            0 => String::new(),
            other => format!(", {other} other"),
        };
        Some(format!(
            "referrals    {} new, {} active, {closed} closed ({} won, {} lost, {} declined, {} expired){other}; \
             reports: {} on their way, {} refused; {} clocks overdue; {} events waiting",
            totals.new,
            totals.active,
            totals.won,
            totals.lost,
            totals.declined,
            totals.expired,
            totals.reporting,
            totals.refused,
            self.overdue,
            totals.notices,
        ))
    }

    fn as_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self.totals);
        value["clocks_overdue"] = self.overdue.into();
        value
    }
}

fn print(totals: &Totals, referrals: &Referrals, destinations: &[Spending], now: DateTime<Utc>) {
    screen::line(format_args!(
        "arrivals     {} accepted, {} repeats, {} merged, {} waiting to be understood, {} refused, {} quarantined",
        totals.accepted, totals.repeats, totals.merged, totals.unsettled, totals.refused, totals.quarantined,
    ));
    screen::line(format_args!(
        "leads        {} leads, {}",
        totals.leads,
        suppressed(totals),
    ));
    screen::line(format_args!(
        "deliveries   {} delivered, {} closed in the CRM, {} on their way, {} withheld, {} dead letters",
        totals.delivered, totals.closed, totals.pending, totals.withheld, totals.dead,
    ));
    if totals.outcomes != OutcomeTotals::default() {
        let stages = totals.outcomes.by_stage();
        let told: Vec<String> = stages
            .iter()
            .map(|(stage, leads)| format!("{leads} {}", stage.as_str()))
            .collect();
        screen::line(format_args!("outcomes     {}", told.join(", ")));
    }
    if let Some(line) = referrals.line() {
        screen::line(line);
    }
    if destinations.is_empty() {
        return;
    }
    screen::line("");
    let mut table = Table::new(&[
        "DESTINATION",
        "GATE",
        "DUE",
        "WAITING",
        "DELIVERED",
        "DEAD",
        "OLDEST",
        "CALLS TODAY",
        "CALLS LEFT",
    ]);
    for spending in destinations {
        let status = &spending.status;
        table.row(vec![
            status.name.to_string(),
            gate_word(&status.gate).to_owned(),
            status.due.to_string(),
            status.waiting.to_string(),
            status.delivered.to_string(),
            status.dead.to_string(),
            status.oldest_due.map(|since| age(now, since)).unwrap_or_default(),
            spending.today(),
            spending.left(|at| age(now, at)),
        ]);
    }
    table.print();
    destinations
        .iter()
        .filter_map(|spending| remedy(&spending.status).or_else(|| spending.note()))
        .for_each(|text| screen::line(format_args!("\n{text}")));
}

/// What rests, why, and what to do.
fn remedy(status: &DestinationStatus) -> Option<String> {
    let name = &status.name;
    match &status.gate {
        DestinationGate::Open => None,
        DestinationGate::Held { until, reason, .. } => Some(format!(
            "{name} rests until {}: {}\n  nothing to do: it is tried again by itself",
            until.format("%Y-%m-%d %H:%M:%S UTC"),
            screen::clean(reason),
        )),
        DestinationGate::Parked { reason, hint } => Some(format!(
            "{name} is parked: {}\n  {}\n  then: leadsync release {name}",
            screen::clean(reason),
            screen::clean(hint),
        )),
    }
}

fn gate_word(gate: &DestinationGate) -> &'static str {
    match gate {
        DestinationGate::Open => "open",
        DestinationGate::Held { .. } => "held",
        DestinationGate::Parked { .. } => "parked",
    }
}

/// How many leads go nowhere, by rule; what only referrals can meet is named once one has.
fn suppressed(totals: &Totals) -> String {
    let by_rule = totals.suppressed();
    let all: u64 = by_rule.iter().map(|(_, leads)| leads).sum();
    let of_referrals = by_rule.iter().skip(3).filter(|(_, leads)| *leads > 0);
    let named: Vec<String> = by_rule
        .iter()
        .take(3)
        .chain(of_referrals)
        .map(|(rule, leads)| match rule {
            Suppression::TestLead => format!("{leads} test"),
            rule => format!("{leads} {}", rule.as_str()),
        })
        .collect();
    format!("{all} suppressed ({})", named.join(", "))
}

fn age(now: DateTime<Utc>, since: DateTime<Utc>) -> String {
    let seconds = u64::try_from((now - since).num_seconds()).unwrap_or(0);
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

fn as_json(totals: &Totals, destinations: &[Spending]) -> serde_json::Value {
    let destination = |spending: &Spending| {
        let status = &spending.status;
        let (until, reason, hint) = match &status.gate {
            DestinationGate::Open => (None, None, None),
            DestinationGate::Held { until, reason, .. } => (Some(until.to_rfc3339()), Some(reason), None),
            DestinationGate::Parked { reason, hint } => (None, Some(reason), Some(hint)),
        };
        serde_json::json!({
            "name": status.name, "gate": gate_word(&status.gate), "until": until, "reason": reason, "hint": hint,
            "due": status.due, "waiting": status.waiting, "delivered": status.delivered, "closed": status.closed, "dead": status.dead,
            "oldest_due": status.oldest_due.map(|at| at.to_rfc3339()), "calls": spending.as_json(),
        })
    };
    serde_json::json!({
        "accepted": totals.accepted, "repeats": totals.repeats, "merged": totals.merged,
        "refused": totals.refused, "quarantined": totals.quarantined, "unsettled": totals.unsettled,
        "leads": totals.leads,
        "suppressed": { "test_lead": totals.suppressed_test, "do_not_contact": totals.suppressed_dnc, "no_route": totals.suppressed_no_route,
            "closed_referral": totals.suppressed_closed, "own_referral": totals.suppressed_own },
        "deliveries": { "delivered": totals.delivered, "closed": totals.closed, "pending": totals.pending, "withheld": totals.withheld, "dead": totals.dead },
        "receipts": totals.receipts,
        "outcomes": totals.outcomes.by_stage().iter().map(|(stage, leads)| (stage.as_str().to_owned(), (*leads).into())).collect::<serde_json::Map<_, _>>(),
        "destinations": destinations.iter().map(destination).collect::<Vec<_>>(),
    })
}
