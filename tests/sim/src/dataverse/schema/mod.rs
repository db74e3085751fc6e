//! What tables there are, and what their columns take (contract dynamics365 12, 13, 17).

mod columns;
mod keys;
mod sales;
mod system;

use std::collections::BTreeMap;

pub(super) use keys::{AlternateKey, IndexStatus, MOST_KEYS};

use super::ids;

/// All tables of an environment, by logical name.
pub(super) struct Schema {
    tables: BTreeMap<String, Table>,
}

/// One table.
pub(super) struct Table {
    /// Its logical name, as in `lead`.
    pub(super) name: &'static str,
    /// The name of its set, as in `leads`.
    pub(super) set: &'static str,
    /// How its name is written by people who like capitals.
    pub(super) schema: &'static str,
    /// The column of its primary key.
    pub(super) id: &'static str,
    /// The column that is shown as its name.
    pub(super) title: &'static str,
    /// The id of its definition.
    pub(super) metadata: String,
    /// Its columns, by logical name.
    pub(super) columns: BTreeMap<String, Column>,
    /// Its alternate keys.
    pub(super) keys: Vec<AlternateKey>,
    /// Its states; none for a table without them.
    pub(super) states: Vec<State>,
    /// Whether change tracking is on.
    pub(super) tracked: bool,
}

/// A state and the status reasons that go with it; the first is the default.
#[derive(Debug)]
pub(super) struct State {
    /// The number.
    pub(super) code: i64,
    /// The word.
    pub(super) name: &'static str,
    /// Numbers and words of the reasons.
    pub(super) reasons: Vec<(i64, String)>,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its logical name.
    pub(super) name: String,
    /// Its schema name.
    pub(super) schema: String,
    /// The name for people.
    pub(super) label: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// Who may write it.
    pub(super) access: Access,
    /// Whether somebody added it.
    pub(super) custom: bool,
    /// The id of its definition.
    pub(super) metadata: String,
    /// From when on calls for data know it, in Unix seconds.
    pub(super) visible_from: i64,
}

/// Who may write a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, at any time.
    Free,
    /// Whoever creates the row.
    Once,
    /// The system alone.
    System,
}

/// What a column holds.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The primary key.
    Id,
    /// Text of so many UTF-16 units.
    Text(usize),
    /// Longer text.
    Memo(usize),
    /// One of these numbers.
    Choice(Vec<(i64, String)>),
    /// `statecode`
    State,
    /// `statuscode`
    Status,
    /// Yes or no.
    Boolean,
    /// A whole number of this range.
    Integer(i64, i64),
    /// A number of this range.
    Double(f64, f64),
    /// A number of this range, exact.
    Decimal(f64, f64),
    /// An amount of this range.
    Money(f64, f64),
    /// A day.
    Date,
    /// A moment.
    Moment,
    /// A row elsewhere, through one of these navigation properties.
    Lookup(Vec<Navigation>),
    /// The row version.
    Version,
}

/// A single-valued navigation property.
#[derive(Clone, Debug)]
pub(super) struct Navigation {
    /// Its name, with its capitals.
    pub(super) name: String,
    /// The tables it may lead to.
    pub(super) tables: &'static [&'static str],
}

impl Schema {
    /// The tables the simulator knows.
    pub(super) fn shipped() -> Self {
        let tables = sales::tables().into_iter().chain(system::tables());
        Self {
            tables: tables.map(|table| (table.name.to_owned(), table)).collect(),
        }
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    pub(super) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(name)
    }

    pub(super) fn of_set(&self, set: &str) -> Option<&Table> {
        self.tables.values().find(|table| table.set == set)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        self.tables.values_mut()
    }
}

impl Table {
    /// A column calls for data know at this time.
    pub(super) fn column(&self, name: &str, now: i64) -> Option<&Column> {
        self.columns.get(name).filter(|column| column.visible_from <= now)
    }

    /// The lookup column behind a navigation property, and the property.
    pub(super) fn navigation(&self, name: &str, now: i64) -> Option<(&Column, &Navigation)> {
        self.columns
            .values()
            .filter(|column| column.visible_from <= now)
            .find_map(|column| match &column.kind {
                Kind::Lookup(ways) => ways.iter().find(|way| way.name == name).map(|way| (column, way)),
                _ => None,
            })
    }

    /// The lookup column read as `_name_value`.
    pub(super) fn lookup_value(&self, property: &str, now: i64) -> Option<&Column> {
        let name = property.strip_prefix('_')?.strip_suffix("_value")?;
        self.column(name, now)
            .filter(|column| matches!(column.kind, Kind::Lookup(_)))
    }

    pub(super) fn state(&self, code: i64) -> Option<&State> {
        self.states.iter().find(|state| state.code == code)
    }

    /// The full name of its type.
    pub(super) fn type_name(&self) -> String {
        format!("Microsoft.Dynamics.CRM.{}", self.name)
    }

    fn new(name: &'static str, set: &'static str, schema: &'static str, title: &'static str) -> Self {
        Self {
            name,
            set,
            schema,
            id: "",
            title,
            metadata: ids::definition(name),
            columns: BTreeMap::new(),
            keys: Vec::new(),
            states: Vec::new(),
            tracked: true,
        }
    }
}

impl State {
    /// Whether this reason goes with it.
    pub(super) fn has(&self, reason: i64) -> bool {
        self.reasons.iter().any(|(code, _)| *code == reason)
    }

    /// The reason it gets when none is named.
    pub(super) fn default_reason(&self) -> Option<i64> {
        self.reasons.first().map(|(code, _)| *code)
    }
}

impl Column {
    /// Whether only another row's id can be in it.
    pub(super) fn is_lookup(&self) -> bool {
        matches!(self.kind, Kind::Lookup(_))
    }

    /// How it is read.
    pub(super) fn property(&self) -> String {
        if self.is_lookup() {
            format!("_{}_value", self.name)
        } else {
            self.name.clone()
        }
    }
}
