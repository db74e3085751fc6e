//! A small language to write tables down in.

use super::{Access, Column, Kind, Navigation, State, Table};
use crate::dataverse::ids;

/// A state as it is written down: number, word, and the reasons that go with it, default first.
pub(super) type Words = (i64, &'static str, &'static [(i64, &'static str)]);

fn state((code, name, reasons): &Words) -> State {
    let reasons = reasons.iter().map(|(code, word)| (*code, (*word).to_owned()));
    State {
        code: *code,
        name,
        reasons: reasons.collect(),
    }
}

impl Table {
    /// The primary key, and what every table has: times, version.
    pub(super) fn keyed(mut self, id: &'static str) -> Self {
        self.id = id;
        self.column_of(id, Kind::Id, Access::Once);
        self.column_of("createdon", Kind::Moment, Access::System);
        self.column_of("modifiedon", Kind::Moment, Access::System);
        self.column_of("versionnumber", Kind::Version, Access::System);
        self
    }

    /// A state and a status reason, with their words.
    pub(super) fn with_states(mut self, states: &[Words]) -> Self {
        self.states = states.iter().map(state).collect();
        self.column_of("statecode", Kind::State, Access::Free);
        self.column_of("statuscode", Kind::Status, Access::Free);
        self
    }

    /// Text columns of one length.
    pub(super) fn text(self, most: usize, names: &[&str]) -> Self {
        self.many(names, &Kind::Text(most))
    }

    /// Columns of one kind.
    pub(super) fn many(mut self, names: &[&str], kind: &Kind) -> Self {
        for name in names {
            self.column_of(name, kind.clone(), Access::Free);
        }
        self
    }

    /// Columns only the system writes.
    pub(super) fn read_only(mut self, names: &[&str], kind: &Kind) -> Self {
        for name in names {
            self.column_of(name, kind.clone(), Access::System);
        }
        self
    }

    /// A choice.
    pub(super) fn choice(self, name: &str, options: &[(i64, &str)]) -> Self {
        let options = options.iter().map(|(code, word)| (*code, (*word).to_owned()));
        self.many(&[name], &Kind::Choice(options.collect()))
    }

    /// A lookup whose navigation property has the name of the column.
    pub(super) fn lookup(mut self, name: &str, tables: &'static [&'static str]) -> Self {
        let way = Navigation {
            name: name.to_owned(),
            tables,
        };
        self.column_of(name, Kind::Lookup(vec![way]), Access::Free);
        self
    }

    /// A lookup with a navigation property for each table.
    pub(super) fn forked(mut self, name: &str, tables: &[&'static [&'static str]]) -> Self {
        let way = |tables: &&'static [&'static str]| Navigation {
            name: format!("{name}_{}", tables[0]),
            tables,
        };
        let ways = tables.iter().map(way).collect();
        self.column_of(name, Kind::Lookup(ways), Access::Free);
        self
    }

    /// May be written by whoever creates the row, and by nobody later.
    pub(super) fn once(mut self, name: &str) -> Self {
        if let Some(column) = self.columns.get_mut(name) {
            column.access = Access::Once;
        }
        self
    }

    /// The user who made the row, whom the system knows.
    pub(super) fn with_maker(self) -> Self {
        let mut table = self.lookup("createdby", &["systemuser"]);
        if let Some(column) = table.columns.get_mut("createdby") {
            column.access = Access::System;
        }
        table
    }

    /// Not tracked for changes.
    pub(super) fn untracked(mut self) -> Self {
        self.tracked = false;
        self
    }

    fn column_of(&mut self, name: &str, kind: Kind, access: Access) {
        let column = Column {
            name: name.to_owned(),
            schema: name.to_owned(),
            label: name.to_owned(),
            kind,
            access,
            custom: false,
            metadata: ids::definition(&format!("{}.{name}", self.name)),
            visible_from: i64::MIN,
        };
        self.columns.insert(name.to_owned(), column);
    }
}
