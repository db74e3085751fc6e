//! What a state of Dynamics means to us (contract dynamics365 12.3 and 13). Decided by `statecode`,
//! refined by `statuscode`: customers add status reasons of their own. Pure.

use std::collections::BTreeMap;

use connector_kit::{Stage, Subject};
use serde::Deserialize;

/// The shipped meaning; what an operator writes goes over it.
const LEAD: [(i64, Option<i64>, Stage); 5] = [
    (0, None, Stage::Open),
    (0, Some(2), Stage::Accepted),
    (1, None, Stage::Accepted),
    (2, None, Stage::Declined),
    (2, Some(4), Stage::Lost),
];
/// An opportunity that is open is somebody's work.
const OPPORTUNITY: [(i64, Option<i64>, Stage); 3] = [
    (0, None, Stage::Accepted),
    (1, None, Stage::Won),
    (2, None, Stage::Lost),
];

/// How the product calls its states.
const LEAD_STATES: [&str; 3] = ["Open", "Qualified", "Disqualified"];
const OPPORTUNITY_STATES: [&str; 3] = ["Open", "Won", "Lost"];
/// How it calls its status reasons, where an answer brings no label.
const LEAD_STATUS: [&str; 7] = [
    "New",
    "Contacted",
    "Qualified",
    "Lost",
    "Cannot Contact",
    "No Longer Interested",
    "Canceled",
];
const OPPORTUNITY_STATUS: [&str; 5] = ["In Progress", "On Hold", "Won", "Canceled", "Out-Sold"];

/// `"2"` or `"2/4"` -> stage, as an operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(try_from = "BTreeMap<String, Stage>")]
pub(crate) struct StageTable(BTreeMap<(i64, Option<i64>), Stage>);

impl TryFrom<BTreeMap<String, Stage>> for StageTable {
    type Error = String;

    fn try_from(written: BTreeMap<String, Stage>) -> Result<Self, String> {
        let mut table = BTreeMap::new();
        for (key, stage) in written {
            let (state, status) = match key.split_once('/') {
                Some((state, status)) => (state.parse().ok(), Some(status.parse::<i64>().ok())),
                None => (key.parse().ok(), None),
            };
            let (Some(state), Some(status)) = (state, status.map_or(Some(None), |code| code.map(Some)))
            else {
                return Err(format!(
                    "{key:?} is not a state like \"2\" or a state and status like \"2/4\""
                ));
            };
            if stage == Stage::Gone {
                return Err("a record that has a state is not gone".to_owned());
            }
            table.insert((state, status), stage);
        }
        Ok(Self(table))
    }
}

/// What every state means, for leads and opportunities.
#[derive(Clone, Debug)]
pub(crate) struct Stages {
    lead: StageTable,
    opportunity: StageTable,
}

impl Stages {
    /// The shipped meaning below the operator's.
    pub(crate) fn new(lead: &StageTable, opportunity: &StageTable) -> Self {
        Self {
            lead: over(&LEAD, lead),
            opportunity: over(&OPPORTUNITY, opportunity),
        }
    }

    /// How far a record in this state is; a state nobody heard of is open.
    pub(crate) fn of(&self, subject: Subject, state: i64, status: i64) -> Stage {
        let table = match subject {
            Subject::Lead => &self.lead.0,
            Subject::Deal => &self.opportunity.0,
        };
        let exact = table.get(&(state, Some(status)));
        exact
            .or_else(|| table.get(&(state, None)))
            .copied()
            .unwrap_or(Stage::Open)
    }
}

/// A state the operator speaks of as a whole loses its shipped exceptions.
fn over(shipped: &[(i64, Option<i64>, Stage)], own: &StageTable) -> StageTable {
    let mut table: BTreeMap<_, _> = shipped
        .iter()
        .filter(|(state, status, _)| status.is_none() || !own.0.contains_key(&(*state, None)))
        .map(|(state, status, stage)| ((*state, *status), *stage))
        .collect();
    table.extend(own.0.iter().map(|(key, stage)| (*key, *stage)));
    StageTable(table)
}

/// The product's word for a state.
pub(crate) fn state_name(subject: Subject, state: i64) -> Option<&'static str> {
    let names = match subject {
        Subject::Lead => LEAD_STATES,
        Subject::Deal => OPPORTUNITY_STATES,
    };
    names.get(usize::try_from(state).ok()?).copied()
}

/// The product's word for a status reason, counted from 1.
pub(crate) fn status_name(subject: Subject, status: i64) -> Option<&'static str> {
    let names: &[&str] = match subject {
        Subject::Lead => &LEAD_STATUS,
        Subject::Deal => &OPPORTUNITY_STATUS,
    };
    names.get(usize::try_from(status).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<StageTable, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn every_shipped_state_has_its_meaning() {
        let stages = Stages::new(&StageTable::default(), &StageTable::default());
        for (subject, state, status, stage) in [
            (Subject::Lead, 0, 1, Stage::Open),
            (Subject::Lead, 0, 2, Stage::Accepted),
            (Subject::Lead, 1, 3, Stage::Accepted),
            (Subject::Lead, 2, 4, Stage::Lost),
            (Subject::Lead, 2, 5, Stage::Declined),
            (Subject::Lead, 2, 7, Stage::Declined),
            (Subject::Deal, 0, 2, Stage::Accepted),
            (Subject::Deal, 1, 3, Stage::Won),
            (Subject::Deal, 2, 5, Stage::Lost),
        ] {
            assert_eq!(
                stages.of(subject, state, status),
                stage,
                "{subject:?} {state}/{status}"
            );
        }
    }

    #[test]
    fn a_status_a_customer_added_means_what_its_state_means() {
        let stages = Stages::new(&StageTable::default(), &StageTable::default());
        assert_eq!(stages.of(Subject::Deal, 1, 100_000_000), Stage::Won);
        assert_eq!(stages.of(Subject::Lead, 2, 100_000_003), Stage::Declined);
        assert_eq!(stages.of(Subject::Lead, 9, 1), Stage::Open);
    }

    #[test]
    fn what_the_operator_says_of_a_state_goes_over_what_is_shipped() {
        let lead = table("'2' = 'lost'\n'0/100000000' = 'accepted'").unwrap();
        let stages = Stages::new(&lead, &StageTable::default());
        assert_eq!(stages.of(Subject::Lead, 2, 5), Stage::Lost);
        assert_eq!(stages.of(Subject::Lead, 0, 100_000_000), Stage::Accepted);
        assert_eq!(stages.of(Subject::Lead, 0, 2), Stage::Accepted);
        let lead = table("'0' = 'open'").unwrap();
        assert_eq!(
            Stages::new(&lead, &StageTable::default()).of(Subject::Lead, 0, 2),
            Stage::Open
        );
    }

    #[test]
    fn a_stage_table_with_a_mistake_in_it_is_refused() {
        for wrong in [
            "won = 'won'",
            "'1/x' = 'won'",
            "'1/' = 'won'",
            "'1' = 'gone'",
            "'1' = 'sold'",
        ] {
            assert!(table(wrong).is_err(), "{wrong}");
        }
    }
}
