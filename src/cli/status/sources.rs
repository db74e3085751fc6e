//! The sources: when each was heard last, and when it will count as silent.

use chrono::{DateTime, TimeDelta, Utc};

use super::facts::{Facts, Source};
use super::{age, screen};
use crate::cli::screen::Colour;
use crate::cli::tables::Table;
use crate::intake::silence::SilenceRule;

/// The table of sources.
pub(super) fn print(facts: &Facts) {
    if facts.sources.is_empty() {
        return;
    }
    screen::line("");
    let mut table = Table::new(&["SOURCE", "LAST LEAD", "TODAY", "LAST TEST", "SILENCE"]);
    for source in &facts.sources {
        let ago = |at: Option<DateTime<Utc>>| match at {
            Some(at) => format!("{} ago", age(facts.now, at)),
            None => "never".to_owned(),
        };
        table.row(vec![
            source.listened.name.to_string(),
            ago(source.rhythm.heard_at),
            source.today(facts.now).to_string(),
            ago(source.rhythm.tried_at),
            silence(source, facts),
        ]);
        if source.rhythm.silence.is_some() {
            table.paint(4, Colour::Red);
        }
    }
    table.print();
}

/// How it stands with its silence, in a few words.
pub(super) fn silence(source: &Source, facts: &Facts) -> String {
    match (source.rhythm.silence, source.silent_at, source.listened.rule) {
        (Some(silence), ..) => format!("silent for {}", age(facts.now, silence.since)),
        (None, _, SilenceRule::Off) => "off".to_owned(),
        (None, Some(at), _) => format!("no, until {}", until(facts.now, at)),
        (None, None, SilenceRule::History) => "learning".to_owned(),
        (None, None, SilenceRule::After(_)) => "no".to_owned(),
    }
}

/// A moment to come: the day of the week while there is only one of that name.
fn until(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let form = if at - now <= TimeDelta::days(6) {
        "%a %H:%M UTC"
    } else {
        "%Y-%m-%d"
    };
    at.format(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_weeks_away_is_told_by_its_date() {
        let now: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
        for (at, told) in [
            ("2026-11-20T16:00:00Z", "Fri 16:00 UTC"),
            ("2026-11-26T12:00:00Z", "Thu 12:00 UTC"),
            ("2026-11-26T12:01:00Z", "2026-11-26"),
            ("2026-12-11T16:00:00Z", "2026-12-11"),
        ] {
            assert_eq!(until(now, at.parse().unwrap()), told);
        }
    }
}
