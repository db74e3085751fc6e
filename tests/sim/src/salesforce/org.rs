//! The org: everything it knows, behind one lock.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::bulk::Jobs;
use super::doors::Doors;
use super::limits::Allowance;
use super::query::Locators;
use super::rules::Rules;
use super::schema::Schema;
use super::store::{Row, Store};
use super::tooling::CustomField;
use super::value;
use crate::webhook::UnixClock;

/// A right the run-as user has until it is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Make fields, lists of values and permission sets.
    CustomizeApplication,
    /// Read the limits and grant field permissions.
    ViewSetup,
    /// Upsert by an external id that is not unique. Not given at first.
    ViewAllData,
    /// Use the API at all.
    ApiEnabled,
}

/// A request as it came, and how it was answered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// Path and query as sent.
    pub target: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as sent.
    pub body: Bytes,
    /// The status of the answer.
    pub status: u16,
}

/// An assignment rule that ran because a record was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The record.
    pub record: String,
    /// Whether the record was new: if not, an owner may just have lost it.
    pub created: bool,
    /// The rule, or nothing for the active one.
    pub rule: String,
}

pub(super) struct Org {
    pub(super) clock: UnixClock,
    pub(super) schema: Schema,
    pub(super) store: Store,
    pub(super) doors: Doors,
    pub(super) allowance: Allowance,
    pub(super) rules: Rules,
    pub(super) locators: Locators,
    pub(super) jobs: Jobs,
    pub(super) custom_fields: HashMap<String, CustomField>,
    pub(super) rights: HashSet<Right>,
    pub(super) hidden_objects: HashSet<String>,
    /// How long a new permission takes to be seen, in seconds.
    pub(super) permission_lag: i64,
    /// Who writes: the integration user, or a person at the screen.
    pub(super) actor: String,
    pub(super) integration_user: String,
    pub(super) person: String,
    pub(super) queue: String,
    pub(super) organization: String,
    pub(super) assigned: Vec<Assigned>,
    pub(super) requests: Vec<Seen>,
    pub(super) unknown_field_fails_call: bool,
}

impl Org {
    pub(super) fn new(clock: UnixClock) -> Self {
        let mut org = Self {
            clock,
            schema: Schema::stock(),
            store: Store::default(),
            doors: Doors::default(),
            allowance: Allowance::default(),
            rules: Rules::default(),
            locators: Locators::default(),
            jobs: Jobs::default(),
            custom_fields: HashMap::new(),
            rights: [Right::CustomizeApplication, Right::ViewSetup, Right::ApiEnabled].into(),
            hidden_objects: HashSet::new(),
            permission_lag: 0,
            actor: String::new(),
            integration_user: String::new(),
            person: String::new(),
            queue: String::new(),
            organization: String::new(),
            assigned: Vec::new(),
            requests: Vec::new(),
            unknown_field_fails_call: false,
        };
        org.settle_in();
        org
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// From here on changes can be taken back.
    pub(super) fn begin(&mut self) -> (usize, usize) {
        (self.store.begin(), self.assigned.len())
    }

    /// Keeps the changes since `mark`, or takes them back.
    pub(super) fn end(&mut self, mark: (usize, usize), keep: bool) {
        self.store.end(mark.0, keep);
        if !keep {
            self.assigned.truncate(mark.1);
        }
    }

    /// What stands in an org before anybody connects.
    fn settle_in(&mut self) {
        self.organization = self.seed("Organization", json!({ "Name": "Acme", "IsSandbox": false }));
        let user = |name: &str, username: &str| json!({ "Name": name, "Username": username, "Email": username, "IsActive": true });
        self.integration_user = self.seed("User", user("Lead Sync", "integration@acme.example"));
        self.person = self.seed("User", user("Pat Seller", "pat@acme.example"));
        self.queue = self.seed("Group", json!({ "Name": "Marketplace Leads", "Type": "Queue" }));
        self.actor = self.integration_user.clone();
        let statuses = [
            "Open - Not Contacted",
            "Working - Contacted",
            "Closed - Converted",
            "Closed - Not Converted",
        ];
        for (place, label) in statuses.into_iter().enumerate() {
            let status = json!({ "MasterLabel": label, "ApiName": label, "IsConverted": label == "Closed - Converted",
                "IsDefault": place == 0, "SortOrder": place + 1 });
            self.seed("LeadStatus", status);
        }
        self.seed(
            "AssignmentRule",
            json!({ "Name": "Standard", "SobjectType": "Lead", "Active": true }),
        );
        for label in self.stage_labels() {
            let (closed, won) = (label.starts_with("Closed"), label == "Closed Won");
            self.add_stage(&label, closed, won);
        }
        self.publish_value_sets();
        for object in self.schema.objects() {
            for field in object.fields.iter().filter(|field| field.unique) {
                self.store.index(&object.name, &field.name, field.folds_case());
            }
        }
    }

    fn stage_labels(&self) -> Vec<String> {
        let stages = self
            .schema
            .object("Opportunity")
            .and_then(|it| it.field("StageName"));
        let values = stages.into_iter().flat_map(|field| &field.values);
        values
            .filter_map(|value| value["value"].as_str())
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn add_stage(&mut self, label: &str, closed: bool, won: bool) {
        let place = self.store.rows("OpportunityStage").count();
        let probability = match (closed, won) {
            (true, true) => 100,
            (true, false) => 0,
            (false, _) => 10,
        };
        let stage = json!({ "MasterLabel": label, "ApiName": label, "IsActive": true, "IsClosed": closed,
            "IsWon": won, "DefaultProbability": probability, "SortOrder": place + 1 });
        self.seed("OpportunityStage", stage);
    }

    /// Puts a record in as it is, with the fields the system keeps.
    pub(super) fn seed(&mut self, object: &str, fields: Value) -> String {
        let prefix = self
            .schema
            .object(object)
            .map(|it| it.prefix.clone())
            .unwrap_or_default();
        let id = self.store.mint(&prefix);
        let mut row = match fields {
            Value::Object(row) => row,
            _ => Row::new(),
        };
        row.insert("Id".to_owned(), json!(id));
        row.insert("IsDeleted".to_owned(), json!(false));
        self.touch(&mut row, true);
        self.store.put(object, &id, row);
        id
    }

    /// Writes down who saved a record, and when.
    pub(super) fn touch(&self, row: &mut Row, created: bool) {
        let now = json!(value::stamp(self.now()));
        for stamp in ["LastModifiedDate", "SystemModstamp"] {
            row.insert(stamp.to_owned(), now.clone());
        }
        row.insert("LastModifiedById".to_owned(), json!(self.actor));
        if created {
            row.insert("CreatedDate".to_owned(), now);
            row.insert("CreatedById".to_owned(), json!(self.actor));
        }
    }
}
