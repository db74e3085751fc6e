//! What a test, or an administrator, does to the environment.

use std::time::Duration;

use super::limits::Limits;
use super::schema::{Access, AlternateKey, Column, IndexStatus, Kind};
use super::{Dataverse, ids};

impl Dataverse {
    /// Where clients reach it; its links name this origin, and tokens are for it.
    pub fn at(&self, origin: &str) {
        let origin = origin.trim_end_matches('/');
        self.entra.add_resource(origin);
        origin.clone_into(&mut self.lock().origin);
    }

    /// Where clients reach it.
    pub fn origin(&self) -> String {
        self.lock().origin.clone()
    }

    /// Other limits from now on.
    pub fn set_limits(&self, limits: Limits) {
        self.lock().settings.limits = limits;
    }

    /// What `x-ms-dop-hint` recommends.
    pub fn recommend(&self, parallel: usize) {
        self.lock().settings.parallel = parallel;
    }

    /// Every request takes so long, in real time, before anything is done.
    pub fn take(&self, time: Duration) {
        self.lock().settings.takes = time;
    }

    /// Holds every admitted request until [`Dataverse::let_go`]; they count as running.
    pub fn hold(&self) {
        self.gate.send_replace(false);
    }

    /// Lets the held requests go on.
    pub fn let_go(&self) {
        self.gate.send_replace(true);
    }

    /// Larger requests are refused with 413.
    pub fn refuse_larger_than(&self, bytes: usize) {
        self.lock().settings.largest_request = bytes;
    }

    /// An application that is no user of this environment.
    pub fn forget_user(&self, app: &str) {
        self.lock().settings.strangers.insert(app.to_owned());
    }

    /// The user lacks a privilege, such as `prvCreateLead`.
    pub fn deny(&self, privilege: &str) {
        self.lock()
            .settings
            .missing_privileges
            .insert(privilege.to_owned());
    }

    /// The user has a privilege again, or one of those it lacks at first.
    pub fn grant(&self, privilege: &str) {
        self.lock().settings.missing_privileges.remove(privilege);
    }

    /// A column of text, as an administrator would make it; known at once.
    pub fn add_text_column(&self, table: &str, schema_name: &str, most: usize) {
        self.add_column(table, schema_name, Kind::Text(most));
    }

    /// A choice column, as an administrator would make it.
    pub fn add_choice_column(&self, table: &str, schema_name: &str, options: &[(i64, &str)]) {
        let options = options.iter().map(|(code, word)| (*code, (*word).to_owned()));
        self.add_column(table, schema_name, Kind::Choice(options.collect()));
    }

    /// A column of moments, as an administrator would make it.
    pub fn add_moment_column(&self, table: &str, schema_name: &str) {
        self.add_column(table, schema_name, Kind::Moment);
    }

    /// A column of yes or no, as an administrator would make it.
    pub fn add_flag_column(&self, table: &str, schema_name: &str) {
        self.add_column(table, schema_name, Kind::Boolean);
    }

    /// A column of exact numbers, as an administrator would make it.
    pub fn add_decimal_column(&self, table: &str, schema_name: &str) {
        self.add_column(table, schema_name, Kind::Decimal(-1e11, 1e11));
    }

    /// An active alternate key over columns that are there.
    pub fn add_key(&self, table: &str, schema_name: &str, columns: &[&str]) {
        let mut environment = self.lock();
        let now = environment.now;
        if let Some(definition) = environment.schema.table_mut(table) {
            let name = schema_name.to_lowercase();
            definition.keys.push(AlternateKey {
                metadata: ids::definition(&format!("{table}.key.{name}")),
                name,
                schema: schema_name.to_owned(),
                label: schema_name.to_owned(),
                columns: columns.iter().map(|column| (*column).to_owned()).collect(),
                status: IndexStatus::Building(now, now),
            });
        }
        environment.build_indexes();
    }

    /// A status reason of the customer's own.
    pub fn add_status_reason(&self, table: &str, state: i64, reason: i64, word: &str) {
        let mut environment = self.lock();
        let definition = environment.schema.table_mut(table);
        let states = definition.into_iter().flat_map(|table| &mut table.states);
        for state in states.filter(|known| known.code == state) {
            state.reasons.push((reason, word.to_owned()));
        }
    }

    /// The name for people of a column or a key.
    pub fn relabel(&self, table: &str, schema_name: &str, label: &str) {
        let mut environment = self.lock();
        let Some(definition) = environment.schema.table_mut(table) else {
            return;
        };
        let columns = definition.columns.values_mut();
        for column in columns.filter(|column| column.schema == schema_name) {
            label.clone_into(&mut column.label);
        }
        for key in definition.keys.iter_mut().filter(|key| key.schema == schema_name) {
            label.clone_into(&mut key.label);
        }
    }

    /// The index of a key, by its logical name, has failed.
    pub fn fail_key(&self, table: &str, name: &str) {
        let mut environment = self.lock();
        let keys = environment
            .schema
            .table_mut(table)
            .into_iter()
            .flat_map(|table| &mut table.keys);
        let failed: Vec<String> = keys
            .filter(|key| key.name == name)
            .map(|key| {
                key.status = IndexStatus::Failed;
                key.metadata.clone()
            })
            .collect();
        for key in failed {
            environment.store.drop_index(table, &key);
        }
    }

    /// Keys asked for from now on are `Active` after so many seconds.
    pub fn keys_take(&self, seconds: i64) {
        self.lock().settings.key_takes = seconds;
    }

    /// Calls for data know columns made from now on after so many seconds.
    pub fn columns_take(&self, seconds: i64) {
        self.lock().settings.column_takes = seconds;
    }

    /// The next metadata changes find another one running.
    pub fn lock_customization(&self, times: usize) {
        self.lock().settings.customization_locks = times;
    }

    /// Whether changes of a table are tracked.
    pub fn track(&self, table: &str, tracked: bool) {
        if let Some(definition) = self.lock().schema.table_mut(table) {
            definition.tracked = tracked;
        }
    }

    /// The table does not know `UpsertMultiple` any more.
    pub fn refuse_upsert_multiple(&self, table: &str) {
        self.lock().forbid(table, "UpsertMultiple");
    }

    /// A duplicate detection rule: rows with the same values in these columns.
    pub fn detect_duplicates(&self, table: &str, columns: &[&str]) {
        let columns = columns.iter().map(|column| (*column).to_owned());
        let rule = (table.to_owned(), columns.collect());
        self.lock().settings.duplicate_rules.push(rule);
    }

    /// Refusals of duplicates have this status: 412 in newer documents, 500 in older ones.
    pub fn refuse_duplicates_with(&self, status: u16) {
        self.lock().settings.duplicate_status = status;
    }

    /// Whether a bulk request may name one key twice.
    pub fn take_repeated_keys(&self, taken: bool) {
        self.lock().settings.refuse_repeated_keys = !taken;
    }

    /// Whether closed leads refuse changes of their columns.
    pub fn seal_closed_leads(&self, sealed: bool) {
        self.lock().settings.closed_rows_refuse = sealed;
    }

    /// Whether a failed change set is answered inside a `changesetresponse`.
    pub fn nest_failed_change_sets(&self, nested: bool) {
        self.lock().settings.nest_failed_change_set = nested;
    }

    /// Delta tokens live so many days.
    pub fn delta_tokens_live(&self, days: i64) {
        self.lock().settings.delta_days = days;
    }

    /// No delta token handed out so far is good any more.
    pub fn expire_delta_tokens(&self) {
        let mut environment = self.lock();
        let version = environment.store.skip_version();
        environment.settings.oldest_delta = version;
    }

    /// Expired delta tokens are refused with this status: 400 or 410.
    pub fn refuse_expired_deltas_with(&self, status: u16) {
        self.lock().settings.expired_delta_status = status;
    }

    /// A plug-in of the customer's refuses rows with this text in any column, and says why.
    pub fn refuse_rows_with(&self, text: &str, why: &str) {
        self.lock().settings.plug_in = Some((text.to_owned(), why.to_owned()));
    }

    /// The next upsert of this key finds that somebody else has just created the row.
    pub fn lose_race(&self, key: &str) {
        self.lock().settings.races.insert(key.to_owned());
    }

    fn add_column(&self, table: &str, schema_name: &str, kind: Kind) {
        let name = schema_name.to_lowercase();
        let column = Column {
            metadata: ids::definition(&format!("{table}.{name}")),
            name: name.clone(),
            schema: schema_name.to_owned(),
            label: schema_name.to_owned(),
            kind,
            access: Access::Free,
            custom: true,
            visible_from: i64::MIN,
        };
        if let Some(definition) = self.lock().schema.table_mut(table) {
            definition.columns.insert(name, column);
        }
    }
}
