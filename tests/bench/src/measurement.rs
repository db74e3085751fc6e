//! What was measured: figures per round, and their medians with the spread.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::numbers::{median, rounded};

/// The figures of one round, by the names `docs/benchmarks.md` lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(BTreeMap<&'static str, f64>);

impl Figures {
    /// Notes one figure; a value that is not a number is left out.
    pub(crate) fn set(&mut self, name: &'static str, value: f64) {
        if value.is_finite() {
            self.0.insert(name, value);
        }
    }

    /// Notes a figure that may be missing.
    pub(crate) fn set_if(&mut self, name: &'static str, value: Option<f64>) {
        if let Some(known) = value {
            self.set(name, known);
        }
    }

    /// One figure, when it was measured.
    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// One subject under one load, over all its rounds.
#[derive(Clone, Debug)]
pub(crate) struct Measurement {
    bench: &'static str,
    subject: String,
    labels: Map<String, Value>,
    rounds: Vec<Figures>,
    ratios: Vec<Figures>,
    series: Vec<Value>,
}

impl Measurement {
    /// An empty measurement; `labels` tell it from its neighbours (`to`, `conns`, `leads`, ..).
    pub(crate) fn new(bench: &'static str, subject: impl Into<String>, labels: &[(&str, Value)]) -> Self {
        Self {
            bench,
            subject: subject.into(),
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
            rounds: Vec::new(),
            ratios: Vec::new(),
            series: Vec::new(),
        }
    }

    /// Same bench, same subject, same labels: rounds of both belong together.
    fn is_like(&self, other: &Self) -> bool {
        self.bench == other.bench && self.subject == other.subject && self.labels == other.labels
    }

    /// The object printed with `--json`, and judged by `report`.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("bench".to_owned(), json!(self.bench));
        object.insert("subject".to_owned(), json!(self.subject));
        object.extend(self.labels.clone());
        object.insert("rounds".to_owned(), json!(self.rounds.len()));
        for (name, pick) in PICKS {
            object.insert(name.to_owned(), Value::Object(fold(&self.rounds, pick)));
        }
        object.insert("ratios".to_owned(), Value::Object(spreads(&self.ratios)));
        if !self.series.is_empty() {
            object.insert("queue_depth".to_owned(), Value::Array(self.series.clone()));
        }
        Value::Object(object)
    }
}

/// Measurements in the order they first appeared, each collecting its rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected(pub(crate) Vec<Measurement>);

impl Collected {
    /// Adds a round to the measurement like `fresh`, or begins it.
    pub(crate) fn add(
        &mut self,
        fresh: Measurement,
        figures: Figures,
        ratios: Figures,
        course: Option<Value>,
    ) {
        let mut more = fresh;
        more.rounds.push(figures);
        more.ratios.push(ratios);
        more.series.extend(course);
        self.merge(more);
    }

    /// Adds all rounds of a measurement to the one like it, or begins it.
    pub(crate) fn merge(&mut self, more: Measurement) {
        let Some(known) = self.0.iter_mut().find(|known| known.is_like(&more)) else {
            self.0.push(more);
            return;
        };
        known.rounds.extend(more.rounds);
        known.ratios.extend(more.ratios);
        known.series.extend(more.series);
    }
}

/// Chooses one value for all rounds.
type Pick = fn(&[f64]) -> Option<f64>;

const PICKS: [(&str, Pick); 3] = [("median", median), ("min", least), ("max", greatest)];

fn least(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

fn greatest(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

/// All values a figure took, by name.
fn by_name(rounds: &[Figures]) -> BTreeMap<&'static str, Vec<f64>> {
    let mut all: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for figures in rounds {
        for (name, value) in &figures.0 {
            all.entry(name).or_default().push(*value);
        }
    }
    all
}

fn fold(rounds: &[Figures], pick: Pick) -> Map<String, Value> {
    by_name(rounds)
        .into_iter()
        .filter_map(|(name, values)| Some((name.to_owned(), json!(rounded(pick(&values)?)))))
        .collect()
}

fn spreads(rounds: &[Figures]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, values) in by_name(rounds) {
        let spread: Map<String, Value> = PICKS
            .iter()
            .filter_map(|(label, pick)| Some(((*label).to_owned(), json!(rounded(pick(&values)?)))))
            .collect();
        object.insert(name.to_owned(), Value::Object(spread));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(rate: f64) -> Figures {
        let mut figures = Figures::default();
        figures.set("req_per_s", rate);
        figures.set("p50_ms", f64::NAN);
        figures
    }

    #[test]
    fn a_measurement_shows_the_median_and_the_spread_of_its_rounds() {
        let mut collected = Collected::default();
        let fresh = || Measurement::new("accept", "daemon", &[("conns", json!(64))]);
        for rate in [10.0, 30.0, 20.0] {
            let mut ratios = Figures::default();
            ratios.set("vs_ceiling", rate / 40.0);
            collected.add(fresh(), figures(rate), ratios, None);
        }
        let object = collected.0[0].to_json();
        assert_eq!(collected.0.len(), 1);
        assert_eq!(object["conns"], 64);
        assert_eq!(object["rounds"], 3);
        assert_eq!(object["median"]["req_per_s"], 20.0);
        assert_eq!(object["min"]["req_per_s"], 10.0);
        assert_eq!(object["max"]["req_per_s"], 30.0);
        assert_eq!(
            object["ratios"]["vs_ceiling"],
            json!({"median": 0.5, "min": 0.25, "max": 0.75})
        );
    }

    #[test]
    fn what_is_not_a_number_is_left_out() {
        assert_eq!(figures(1.0).get("p50_ms"), None);
    }
}
