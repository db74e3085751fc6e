//! The goals file: what to measure, and the bars the medians are held against.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

/// `goals.toml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Goals {
    /// Command lines of the bench, each run once a round.
    pub(super) measure: Vec<Vec<String>>,
    /// What must hold.
    #[serde(rename = "bar")]
    pub(super) bars: Vec<Bar>,
}

/// One bar: a figure of one measurement and the value it must reach or keep below.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bar {
    /// What it means, in words.
    pub(super) what: String,
    /// The measurement: every key must be found in it with this value.
    pub(super) of: BTreeMap<String, Value>,
    /// The figure or the ratio.
    pub(super) figure: String,
    /// It must not be lower, ..
    pub(super) at_least: Option<f64>,
    /// .. or not higher.
    pub(super) at_most: Option<f64>,
    /// Where we want to be; reported, never judged.
    pub(super) aim: Option<f64>,
}

impl Goals {
    /// Reads and checks the file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is not a goals file", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let goals: Self = toml::from_str(text)?;
        for bar in &goals.bars {
            ensure!(
                bar.at_least.is_some() != bar.at_most.is_some(),
                "bar \"{}\" needs exactly one of at_least and at_most",
                bar.what
            );
        }
        Ok(goals)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn the_goals_we_ship_are_valid_and_name_commands_of_the_bench() {
        let goals = Goals::parse(include_str!("../../goals.toml")).unwrap();
        assert!(goals.bars.len() >= 10);
        for line in &goals.measure {
            let words = std::iter::once("leadsync-bench").chain(line.iter().map(String::as_str));
            assert!(Cli::try_parse_from(words).is_ok(), "{line:?}");
        }
    }

    #[test]
    fn a_bar_with_two_bounds_is_refused() {
        let text =
            "measure = []\n[[bar]]\nwhat = \"x\"\nof = {}\nfigure = \"y\"\nat_least = 1\nat_most = 2\n";
        assert!(Goals::parse(text).is_err());
    }
}
