//! What operators are given to watch with: alert rules that fire when they should, about numbers there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const RULES: &str = include_str!("../../monitoring/prometheus-alerts.yml");
const RULE_TESTS: &str = include_str!("../../monitoring/prometheus-alerts.test.yml");
const DASHBOARD: &str = include_str!("../../monitoring/grafana-dashboard.json");
const DOCUMENT: &str = include_str!("../../docs/metrics.md");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring")
}

/// A program of Debian's Prometheus, which `scripts/prometheus` unpacks.
pub(crate) fn prometheus(program: &str) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/prometheus/usr/bin")
        .join(program);
    assert!(
        path.exists(),
        "{} is missing: run scripts/prometheus",
        path.display()
    );
    Command::new(path)
}

#[track_caller]
fn judged(arguments: &[&str]) -> String {
    let output = prometheus("promtool")
        .args(arguments)
        .current_dir(folder())
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    said
}

/// The value behind each line that begins with this key.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("- "));
    lines
        .filter_map(move |line| line.strip_prefix(key))
        .map(str::trim)
}

fn alerts() -> Vec<&'static str> {
    values(RULES, "alert:").collect()
}

/// Whatever in the text is named like one of our numbers, histograms by their family.
fn numbers_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| word.starts_with("leadsync_") || word.starts_with("process_"));
    let family = |word: &str| {
        let bare = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|end| word.strip_suffix(end));
        bare.unwrap_or(word).to_owned()
    };
    ours.map(family).collect()
}

fn known_numbers() -> BTreeSet<String> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split('`').next()?.to_owned()))
        .collect()
}

#[test]
fn prometheus_takes_the_rules_and_each_alert_fires_when_it_should_and_not_before() {
    let checked = judged(&["check", "rules", "prometheus-alerts.yml"]);
    assert!(
        checked.contains(&format!("{} rules found", alerts().len())),
        "{checked}"
    );
    judged(&["test", "rules", "prometheus-alerts.test.yml"]);
}

#[test]
fn every_alert_is_tried_both_ways() {
    for alert in alerts() {
        let tried: Vec<&str> = RULE_TESTS
            .lines()
            .filter(|line| line.contains(&format!("alertname=\"{alert}\"")))
            .collect();
        let is_quiet = tried.iter().any(|line| line.contains("value: 0"));
        let fires = tried.iter().any(|line| line.contains("value: 1"));
        assert!(is_quiet && fires, "{alert} is tried in {tried:?}");
    }
}

#[test]
fn every_alert_says_how_bad_it_is_what_it_means_and_where_to_read_what_to_do() {
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:?}");
    let once: BTreeSet<_> = alerts.iter().collect();
    assert_eq!(once.len(), alerts.len(), "a name twice");
    for alert in &alerts {
        let rule = RULES
            .split("- alert: ")
            .find(|rule| rule.lines().next() == Some(*alert))
            .unwrap();
        for part in ["severity: ", "summary: ", "description: "] {
            assert!(rule.contains(part), "{alert} has no {part}");
        }
        let anchor = alert.to_ascii_lowercase();
        assert!(
            rule.contains(&format!("docs/metrics.md#{anchor}\"")),
            "{alert} leads elsewhere"
        );
        assert!(
            DOCUMENT.contains(&format!("\n### {alert}\n\n")),
            "docs/metrics.md does not tell of {alert}"
        );
    }
    let told: Vec<_> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("### Leadsync"))
        .collect();
    assert_eq!(
        told.len(),
        alerts.len(),
        "docs/metrics.md tells of alerts that are not there: {told:?}"
    );
}

#[test]
fn rules_and_dashboard_ask_for_numbers_there_are() {
    let known = known_numbers();
    for (what, text) in [
        ("rules", RULES),
        ("rule tests", RULE_TESTS),
        ("dashboard", DASHBOARD),
    ] {
        let asked = numbers_in(text);
        assert!(asked.len() > 15, "{what}: {asked:?}");
        let unknown: Vec<_> = asked.difference(&known).collect();
        assert!(
            unknown.is_empty(),
            "the {what} ask for {unknown:?}, which is not in docs/metrics.md"
        );
    }
}

#[test]
fn the_example_of_how_to_scrape_is_one_prometheus_takes() {
    let checked = judged(&["check", "config", "prometheus-scrape.yml"]);
    assert!(checked.contains("SUCCESS"), "{checked}");
}
