//! The sources: when each was heard last, and when it will count as silent.

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
        let ago = |at: Option<chrono::DateTime<chrono::Utc>>| match at {
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
        (None, Some(at), _) => format!("no, until {}", at.format("%a %H:%M")),
        (None, None, SilenceRule::History) => "learning".to_owned(),
        (None, None, SilenceRule::After(_)) => "no".to_owned(),
    }
}
