//! What the bench says: a table for people, or one JSON object a line.

use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

use crate::measurement::Measurement;

/// How results are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    json: bool,
}

/// Figures worth a column, in their order; a table shows those it has.
const COLUMNS: [&str; 71] = [
    "req_per_s",
    "accepted_per_s",
    "delivered_per_s",
    "rows_per_s",
    "fill_per_s",
    "p50_ms",
    "p99_ms",
    "p99_over_p50",
    "quiet_p99_ms",
    "accepted",
    "reloads",
    "reloads_failed",
    "reload_p50_ms",
    "reload_p99_ms",
    "command_p50_ms",
    "command_p99_ms",
    "lag_p50_ms",
    "lag_p99_ms",
    "answer_p50_ms",
    "answer_p99_ms",
    "own_p50_ms",
    "own_p99_ms",
    "record_p50_ms",
    "record_p99_ms",
    "record_max_ms",
    "accepted_p50_ms",
    "accepted_p99_ms",
    "accepted_max_ms",
    "won_p50_ms",
    "won_p99_ms",
    "won_max_ms",
    "won_over_allowed",
    "calls_per_referral",
    "drain_s",
    "raw_flush_p50_ms",
    "calls",
    "calls_per_1000",
    "calls_over_fewest",
    "call_efficiency",
    "throttled",
    "throttled_share",
    "time_over_minimum",
    "cpu_ms_per_1000",
    "loader_cpu_ms_per_1000",
    "sink_cpu_ms_per_1000",
    "rss_idle_mb",
    "rss_backlog_mb",
    "rss_peak_mb",
    "disk_mb",
    "start_s",
    "ready_s",
    "away_s",
    "longest_ms",
    "broken",
    "queue_max",
    "queue_end",
    "queue_growth_per_s",
    "lost",
    "doubled",
    "violations",
    "failures",
    "calls_held",
    "calls_failed",
    "dead_letters",
    "dead_letters_in_its_words",
    "vs_ceiling",
    "vs_single_commit",
    "vs_no_durability",
    "vs_empty_store",
    "p99_vs_quiet",
    "share",
];

impl Printer {
    /// For `--json` or without it.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says on a terminal what is being done; never among the results.
    #[expect(clippy::unused_self, reason = "whoever may print holds a printer")]
    pub(crate) fn progress(self, text: &str) {
        let mut stderr = std::io::stderr();
        if stderr.is_terminal() {
            // Nobody misses a progress line that cannot be written.
            writeln!(stderr, "... {text}").ok();
        }
    }

    /// Shows measurements of one kind.
    pub(crate) fn results(self, title: &str, measured: &[Measurement]) -> anyhow::Result<()> {
        let objects: Vec<Value> = measured.iter().map(Measurement::to_json).collect();
        let mut out = std::io::stdout().lock();
        if self.json {
            for object in &objects {
                writeln!(out, "{object}")?;
            }
            return Ok(());
        }
        writeln!(out, "{title} (median [least .. greatest] of the rounds)")?;
        for object in &objects {
            writeln!(out, "\n  {}", headline(object))?;
            for column in COLUMNS.iter().chain(&["vs_raw_flush"]) {
                if let Some(text) = cell(object, column) {
                    writeln!(out, "    {column:<24}{text}")?;
                }
            }
        }
        writeln!(out)?;
        Ok(())
    }

    /// Shows lines a subcommand made itself.
    pub(crate) fn lines(self, objects: &[(Value, String)]) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        for (object, text) in objects {
            if self.json {
                writeln!(out, "{object}")?;
            } else {
                writeln!(out, "{text}")?;
            }
        }
        Ok(())
    }
}

fn headline(object: &Value) -> String {
    let mut words = vec![object["subject"].as_str().unwrap_or("?").to_owned()];
    for label in [
        "to",
        "mode",
        "conns",
        "rate",
        "pace",
        "referrals",
        "watch_every_ms",
        "leads",
        "posted",
        "batch",
        "what",
        "stricter",
        "poison",
        "bulk_action",
    ] {
        match &object[label] {
            Value::Null => {}
            Value::String(text) if text == "none" => {}
            Value::String(text) => words.push(format!("{label} {text}")),
            other => words.push(format!("{label} {other}")),
        }
    }
    words.push(format!("rounds {}", object["rounds"]));
    words.join(", ")
}

fn cell(object: &Value, name: &str) -> Option<String> {
    let (median, least, greatest) = match &object["ratios"][name] {
        Value::Null => (
            &object["median"][name],
            &object["min"][name],
            &object["max"][name],
        ),
        ratio => (&ratio["median"], &ratio["min"], &ratio["max"]),
    };
    let (median, least, greatest) = (median.as_f64()?, least.as_f64()?, greatest.as_f64()?);
    if object["rounds"] == 1 {
        return Some(short(median));
    }
    Some(format!(
        "{} [{} .. {}]",
        short(median),
        short(least),
        short(greatest)
    ))
}

fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
