//! Holds a measured figure against its bar: pure, and honest about the spread.

use serde_json::{Value, json};

use super::goals::Bar;

/// Fewer rounds than this prove nothing either way.
const ROUNDS: u64 = 3;

/// What a bar says of a figure; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Every round is on the right side.
    Pass,
    /// The bar lies inside the spread of the rounds, or there were too few, or none.
    Inconclusive,
    /// Every round is on the wrong side.
    Fail,
}

impl Verdict {
    /// 0 pass, 1 fail, 2 inconclusive.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// Median and spread of one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    median: f64,
    least: f64,
    greatest: f64,
    rounds: u64,
}

/// A bar and what became of it.
#[derive(Debug)]
pub(super) struct Judged {
    bar: Bar,
    spread: Option<Spread>,
    /// The verdict.
    pub(super) verdict: Verdict,
}

/// Finds the bar's figure among the measurements and judges it.
pub(super) fn judge(bar: &Bar, measured: &[Value]) -> Judged {
    let spread = measured
        .iter()
        .filter(|object| is_of(bar, object))
        .find_map(|object| find(bar, object));
    let verdict = spread.map_or(Verdict::Inconclusive, |found| decide(bar, &found));
    Judged {
        bar: bar.clone(),
        spread,
        verdict,
    }
}

fn is_of(bar: &Bar, object: &Value) -> bool {
    bar.of.iter().all(|(key, value)| same(&object[key], value))
}

/// Equal, with 64 and 64.0 being one number.
fn same(left: &Value, right: &Value) -> bool {
    left == right
        || left
            .as_f64()
            .zip(right.as_f64())
            .is_some_and(|(a, b)| (a - b).abs() < 1e-9)
}

fn find(bar: &Bar, object: &Value) -> Option<Spread> {
    let name = bar.figure.as_str();
    let values = match &object["ratios"][name] {
        Value::Null => [
            &object["median"][name],
            &object["min"][name],
            &object["max"][name],
        ],
        ratio => [&ratio["median"], &ratio["min"], &ratio["max"]],
    };
    let [median, least, greatest] = values.map(Value::as_f64);
    Some(Spread {
        median: median?,
        least: least?,
        greatest: greatest?,
        rounds: object["rounds"].as_u64()?,
    })
}

fn decide(bar: &Bar, spread: &Spread) -> Verdict {
    if spread.rounds < ROUNDS {
        return Verdict::Inconclusive;
    }
    let (worst, best) = match (bar.at_least, bar.at_most) {
        (Some(bound), _) => (spread.least >= bound, spread.greatest >= bound),
        (None, Some(bound)) => (spread.greatest <= bound, spread.least <= bound),
        (None, None) => (false, true),
    };
    match (worst, best) {
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Inconclusive,
        (false, false) => Verdict::Fail,
    }
}

impl Judged {
    /// One JSON line.
    pub(super) fn to_json(&self) -> Value {
        let bar = &self.bar;
        json!({
            "bench": "report",
            "what": bar.what,
            "of": bar.of,
            "figure": bar.figure,
            "at_least": bar.at_least,
            "at_most": bar.at_most,
            "aim": bar.aim,
            "rounds": self.spread.map(|spread| spread.rounds),
            "median": self.spread.map(|spread| spread.median),
            "min": self.spread.map(|spread| spread.least),
            "max": self.spread.map(|spread| spread.greatest),
            "verdict": self.verdict.name(),
            "aim_met": self.aim_met(),
        })
    }

    /// One line for people.
    pub(super) fn to_text(&self) -> String {
        let bar = &self.bar;
        let bound = match (bar.at_least, bar.at_most) {
            (Some(bound), _) => format!(">= {bound}"),
            (None, Some(bound)) => format!("<= {bound}"),
            (None, None) => String::new(),
        };
        let aim = bar.aim.map_or_else(String::new, |aim| {
            format!(
                ", aim {aim}{}",
                if self.aim_met() == Some(true) { " met" } else { "" }
            )
        });
        let found = self.spread.map_or_else(
            || "not measured".to_owned(),
            |spread| {
                format!(
                    "{} [{} .. {}], {} rounds",
                    spread.median, spread.least, spread.greatest, spread.rounds
                )
            },
        );
        format!(
            "{:<13} {} {bound}{aim}: {found} - {}",
            self.verdict.name(),
            bar.figure,
            bar.what
        )
    }

    /// Whether the median reaches the aim.
    fn aim_met(&self) -> Option<bool> {
        let (aim, median) = self.bar.aim.zip(self.spread.map(|spread| spread.median))?;
        Some(if self.bar.at_least.is_some() {
            median >= aim
        } else {
            median <= aim
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(at_least: Option<f64>, at_most: Option<f64>) -> Bar {
        Bar {
            what: "a figure".into(),
            of: [
                ("bench".to_owned(), json!("accept")),
                ("conns".to_owned(), json!(64)),
            ]
            .into(),
            figure: "vs_ceiling".into(),
            at_least,
            at_most,
            aim: Some(0.8),
        }
    }

    fn measured(rounds: u64, least: f64, median: f64, greatest: f64) -> Vec<Value> {
        vec![
            json!({"bench": "accept", "conns": 1, "rounds": 9,
                "ratios": {"vs_ceiling": {"median": 0, "min": 0, "max": 0}}}),
            json!({"bench": "accept", "conns": 64, "rounds": rounds, "median": {"p50_ms": 1.0},
                "ratios": {"vs_ceiling": {"median": median, "min": least, "max": greatest}}}),
        ]
    }

    #[test]
    fn a_bar_inside_the_spread_decides_nothing() {
        let rows = [
            (Some(0.6), None, 3, [0.7, 0.8, 0.9], Verdict::Pass),
            (Some(0.6), None, 3, [0.5, 0.8, 0.9], Verdict::Inconclusive),
            (Some(0.6), None, 3, [0.3, 0.4, 0.5], Verdict::Fail),
            (None, Some(0.6), 3, [0.3, 0.4, 0.5], Verdict::Pass),
            (None, Some(0.6), 3, [0.5, 0.5, 0.7], Verdict::Inconclusive),
            (None, Some(0.6), 3, [0.7, 0.8, 0.9], Verdict::Fail),
            (Some(0.6), None, 2, [0.7, 0.8, 0.9], Verdict::Inconclusive),
        ];
        for (at_least, at_most, rounds, [least, median, greatest], expected) in rows {
            let judged = judge(
                &bar(at_least, at_most),
                &measured(rounds, least, median, greatest),
            );
            assert_eq!(judged.verdict, expected, "{least} {median} {greatest}");
        }
    }

    #[test]
    fn what_was_not_measured_is_not_passed() {
        let judged = judge(&bar(Some(0.6), None), &[]);
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.to_text().contains("not measured"));
        assert_eq!(judged.verdict.exit_code(), 2);
    }

    #[test]
    fn a_failure_outweighs_everything_else() {
        assert!(Verdict::Fail > Verdict::Inconclusive);
        assert!(Verdict::Inconclusive > Verdict::Pass);
        let judged = judge(&bar(Some(0.6), None), &measured(3, 0.8, 0.8, 0.8));
        assert_eq!(judged.to_json()["aim_met"], true);
    }
}
