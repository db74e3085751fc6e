//! `leadsync clocks`: the times Microsoft set, and how much of each is left.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use clap::Args;
use connector_kit::LeadId;

use super::screen::Colour;
use super::tables::Table;
use super::{Exit, Place, house, screen, spans};
use crate::store::{ClockEnd, ClockFilter, ClockRow, ReferralStore, StoreError};
use crate::syncback::clocks::{ClockState, advice, state};

/// Which clocks.
#[derive(Debug, Args)]
pub(super) struct ClocksArgs {
    /// Those that ended too; the newest first
    #[arg(long)]
    all: bool,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only of this lead
    #[arg(long, value_name = "LEAD")]
    lead: Option<LeadId>,
    /// End with 4 when the time of a running clock is over, for whoever watches
    #[arg(long)]
    fail_overdue: bool,
}

/// Lists clocks, those that are over first first.
pub(super) fn clocks(place: &Place, args: &ClocksArgs) -> Result<(), Exit> {
    let now = house::now();
    let filter = ClockFilter {
        lead: args.lead,
        ended: args.all,
        limit: args.limit,
        ..ClockFilter::default()
    };
    let (rows, over) = house::ask(place, |store| async move {
        let over = overdue(&store, now).await?;
        let rows = if filter.ended {
            newest(&store, filter).await?
        } else {
            store.clocks(filter).await?
        };
        Ok((rows, over))
    })?;
    if place.json {
        screen::json(&rows.iter().map(|row| as_json(row, now)).collect());
    } else if rows.is_empty() {
        screen::line("no clocks run");
    } else {
        print(&rows, now);
    }
    match over {
        1 if args.fail_overdue => Err(Exit::unfinished("1 clock is overdue")),
        2.. if args.fail_overdue => Err(Exit::unfinished(format!("{over} clocks are overdue"))),
        _ => Ok(()),
    }
}

/// Running clocks are read so many at a time; there is an index for them.
const PAGE: usize = 1000;
/// For those that ended there is none: each page is a look at all of them.
const LARGE_PAGE: usize = 20_000;

/// Those whose time ends last, first: the others ended long ago.
async fn newest(store: &dyn ReferralStore, mut filter: ClockFilter) -> Result<Vec<ClockRow>, StoreError> {
    let wanted = match filter.limit {
        0 => usize::MAX,
        limit => limit,
    };
    filter.limit = LARGE_PAGE;
    let mut newest = VecDeque::new();
    loop {
        let rows = store.clocks(filter.clone()).await?;
        let is_last = rows.len() < LARGE_PAGE;
        filter.after = rows.last().map(|row| (row.due_at, row.id));
        for row in rows {
            newest.push_front(row);
            newest.truncate(wanted);
        }
        if is_last {
            return Ok(newest.into());
        }
    }
}

/// How many running clocks are overdue. They come first, so no other is read but those of the last page.
pub(super) async fn overdue(store: &dyn ReferralStore, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let mut filter = ClockFilter {
        limit: PAGE,
        ..ClockFilter::default()
    };
    let mut count = 0;
    loop {
        let rows = store.clocks(filter.clone()).await?;
        let over = rows
            .iter()
            .filter(|row| state(row, now) == ClockState::Overdue)
            .count();
        count += over;
        if over < PAGE {
            return Ok(count);
        }
        filter.after = rows.last().map(|row| (row.due_at, row.id));
    }
}

/// The table of clocks, for this command and for `show`.
pub(super) fn print(rows: &[ClockRow], now: DateTime<Utc>) {
    let mut table = Table::new(&["CLOCK", "STATE", "TIME", "LEAD", "REFERRAL", "DUE AT"]);
    for row in rows {
        let state = state(row, now);
        table.row(vec![
            row.kind.as_str().to_owned(),
            state.as_str().to_owned(),
            left(row, now),
            row.lead.to_string(),
            row.referral.as_ref().map(ToString::to_string).unwrap_or_default(),
            spans::moment(row.due_at),
        ]);
        table.paint(1, colour(state));
    }
    table.print();
}

/// How urgent it is, as a colour.
fn colour(state: ClockState) -> Colour {
    match state {
        ClockState::Ok | ClockState::Met => Colour::Green,
        ClockState::Due => Colour::Yellow,
        ClockState::Overdue | ClockState::Missed => Colour::Red,
    }
}

/// What is left of it, or how it ended.
pub(super) fn left(row: &ClockRow, now: DateTime<Utc>) -> String {
    let late = |at: DateTime<Utc>| at - row.due_at;
    match row.end {
        None if now >= row.due_at => format!("overdue by {}", spans::words(late(now))),
        None => format!("{} left", spans::words(late(now))),
        Some(ClockEnd::Met(at)) if at > row.due_at => format!("{} late", spans::words(late(at))),
        Some(ClockEnd::Met(at)) => format!("after {}", spans::words(at - row.starts_at)),
        Some(ClockEnd::Missed(_)) => "never happened".to_owned(),
    }
}

/// One clock as JSON.
pub(super) fn as_json(row: &ClockRow, now: DateTime<Utc>) -> serde_json::Value {
    let ended_at = row
        .end
        .map(|(ClockEnd::Met(at) | ClockEnd::Missed(at))| at.to_rfc3339());
    serde_json::json!({
        "clock": row.kind.as_str(), "state": state(row, now).as_str(), "lead": row.lead, "referral": row.referral,
        "account": row.account, "starts_at": row.starts_at.to_rfc3339(), "due_at": row.due_at.to_rfc3339(),
        "ended_at": ended_at, "seconds_left": row.end.is_none().then(|| (row.due_at - now).num_seconds()),
        "to_do": row.end.is_none().then(|| advice(row.kind)),
    })
}

#[cfg(test)]
mod tests;
