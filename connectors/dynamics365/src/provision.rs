//! Makes the lead table ready: columns, the alternate key, and, only when told to, change tracking.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use connector_kit::{ConnectorError, ErrorKind, Plan, Provisioner, Step, StepState};

use crate::api::Dataverse;
use crate::config::Settings;
use crate::metadata::{ColumnFacts, KeyFacts, Tracking};
use crate::wanted::{Kind, Wanted};

/// Reads first and makes what is missing; every step may be done again.
pub(crate) struct LeadProvisioner {
    /// Where.
    dataverse: Arc<Dataverse>,
    /// What leads need.
    wanted: Vec<Wanted>,
    /// The schema name of the key.
    key_name: String,
    /// Where new things are put.
    solution: Option<String>,
    /// Tables whose changes are followed.
    followed: Vec<&'static str>,
    /// The operator allows what cannot be undone.
    may_track: bool,
}

#[async_trait]
impl Provisioner for LeadProvisioner {
    async fn plan(&self) -> Result<Plan, ConnectorError> {
        let told = |failure: crate::error::Failure| failure.into_error("look at the lead table");
        let facts = self.dataverse.columns().await.map_err(told)?;
        let there: Vec<&str> = self
            .wanted
            .iter()
            .filter(|column| facts.contains_key(&column.name))
            .map(|column| column.name.as_str())
            .collect();
        let seen = there.is_empty() || self.dataverse.sees(&there).await.map_err(told)?;
        let mut steps: Vec<Step> = self
            .wanted
            .iter()
            .map(|column| column_step(column, &facts, seen))
            .collect();
        let key = self.dataverse.our_key().await.map_err(told)?;
        steps.push(self.key_step(key.as_ref()));
        for table in &self.followed {
            let tracking = self.dataverse.tracking(table).await.map_err(told)?;
            steps.push(self.tracking_step(table, tracking));
        }
        Ok(Plan {
            steps,
            role: self.role(),
        })
    }

    async fn apply(&self, step: &Step) -> Result<(), ConnectorError> {
        let solution = self.solution.as_deref();
        let column = self
            .wanted
            .iter()
            .find(|column| column_id(&column.name) == step.id);
        let table = self.followed.iter().find(|table| tracking_id(table) == step.id);
        let done = if let Some(column) = column.filter(|column| column.ours) {
            let label = self.label(&column.name);
            self.dataverse
                .make_column(&column.name, &label, column.kind, solution)
                .await
        } else if let Some(table) = table.filter(|_| self.may_track) {
            self.dataverse.track(table).await
        } else if step.id == KEY_ID {
            self.dataverse.make_key(&self.key_name, solution).await
        } else {
            let text = format!("do {}: this step is not ours to do", step.id);
            return Err(ConnectorError::new(ErrorKind::Misconfigured, text));
        };
        done.map_err(|failure| failure.into_error(&format!("do {}", step.id)))
    }
}

const KEY_ID: &str = "key lead";

fn column_id(name: &str) -> String {
    format!("column lead.{name}")
}

fn tracking_id(table: &str) -> String {
    format!("change tracking {table}")
}

fn column_step(column: &Wanted, facts: &BTreeMap<String, ColumnFacts>, seen: bool) -> Step {
    let state = match facts.get(&column.name) {
        None if column.ours && column.kind != Kind::Choice => StepState::Missing,
        None => StepState::ByHand("make this column, or take it out of the mapping".to_owned()),
        Some(facts) => match lacks(column, facts) {
            Some(what) => StepState::ByHand(what),
            None if column.ours && !seen => StepState::Settling,
            None => StepState::Present,
        },
    };
    let what = match column.kind {
        Kind::Text(units) => format!("column lead.{}, text of {units}", column.name),
        Kind::Any => format!("column lead.{}", column.name),
        kind => format!("column lead.{}, {}", column.name, kind.word()),
    };
    Step {
        id: column_id(&column.name),
        what,
        state,
    }
}

/// What a column that is there lacks for our leads, and what a person does about it.
pub(crate) fn lacks(column: &Wanted, facts: &ColumnFacts) -> Option<String> {
    if !facts.writable {
        return Some("it cannot be written: take it out of the mapping".to_owned());
    }
    let is_text = matches!(facts.kind.as_str(), "String" | "Memo");
    let same = match column.kind {
        Kind::Any => true,
        Kind::Text(_) => is_text || !column.ours,
        kind => facts.kind == kind.word(),
    };
    if !same {
        return Some(format!(
            "it is of type {}, not {}: correct the mapping, or make another column",
            facts.kind,
            column.kind.word()
        ));
    }
    if let (Kind::Text(units), Some(most)) = (column.kind, facts.most.filter(|_| is_text))
        && most < units
    {
        return Some(format!(
            "it takes {most} characters and may get {units}: lengthen it, or set lengths.{} = {most}",
            column.name
        ));
    }
    let values = facts.values.as_ref()?;
    let missing: Vec<String> = column
        .values
        .iter()
        .filter(|value| !values.contains(value))
        .map(ToString::to_string)
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "the choice lacks the values {}: add them in the maker portal, or correct the mapping",
            missing.join(", ")
        )
    })
}

impl LeadProvisioner {
    /// As the operator wishes.
    pub(crate) fn new(
        dataverse: Arc<Dataverse>,
        wanted: Vec<Wanted>,
        followed: Vec<&'static str>,
        own: &Settings,
    ) -> Self {
        Self {
            dataverse,
            wanted,
            key_name: own.key_name.clone(),
            solution: own.solution.clone(),
            followed,
            may_track: own.outcomes.enable_change_tracking,
        }
    }

    fn key_step(&self, key: Option<&KeyFacts>) -> Step {
        let column = self.dataverse.key.column();
        let state = match key.map(|key| (key.entity_key_index_status.as_str(), &key.logical_name)) {
            None => StepState::Missing,
            Some(("Active", _)) => StepState::Present,
            Some(("Failed", name)) => StepState::ByHand(format!(
                "its index has failed, mostly because {column} holds a value twice: clear the duplicates, then call \
                 ReactivateEntityKey for {name}, or delete the key and provision again"
            )),
            Some(_) => StepState::Settling,
        };
        Step {
            id: KEY_ID.to_owned(),
            what: format!("alternate key {} on lead.{column}", self.key_name),
            state,
        }
    }

    fn tracking_step(&self, table: &str, tracking: Tracking) -> Step {
        let by_time = "or set outcomes.follow = \"modified\"";
        let state = match tracking {
            Tracking { enabled: true, .. } => StepState::Present,
            Tracking { possible: false, .. } => {
                StepState::ByHand(format!("this table cannot be tracked: {by_time}"))
            }
            _ if self.may_track => StepState::Missing,
            _ => StepState::ByHand(format!(
                "it cannot be switched off again, so say outcomes.enable_change_tracking = true, {by_time}"
            )),
        };
        Step {
            id: tracking_id(table),
            what: format!("change tracking of {table}"),
            state,
        }
    }

    fn label(&self, name: &str) -> String {
        if name == self.dataverse.key.column() {
            return "Marketplace lead id".to_owned();
        }
        let rest = name.split_once('_').map_or(name, |(_, rest)| rest);
        format!("Marketplace {}", rest.replace('_', " "))
    }

    /// The least rights in daily work; those to provision are a System Customizer's.
    fn role(&self) -> Vec<String> {
        let mut role = vec![
            "Lead: Create, Read, Write, Append, Append To (Organization)".to_owned(),
            "SdkMessage, SdkMessageFilter: Read (Organization)".to_owned(),
            "Currency: Read (Organization)".to_owned(),
        ];
        if !self.followed.is_empty() {
            role.push("Opportunity: Read (Organization)".to_owned());
        }
        role.push("to run `leadsync provision`: System Customizer, for that time".to_owned());
        role
    }
}
