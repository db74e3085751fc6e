//! Names of accounts, sources and destinations are stored once and meant by number.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::trouble::Trouble;

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NameKind {
    Account = 1,
    Source = 2,
    Destination = 3,
    /// A connector in its role of an outcome source.
    Watch = 4,
    /// A connector in whatever role: it has one book of calls.
    Connector = 5,
}

/// Numbers already looked up by this connection.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: BTreeMap<NameKind, BTreeMap<String, i64>>,
    texts: BTreeMap<i64, String>,
}

impl Names {
    /// The number of the name, if it has one.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        kind: NameKind,
        name: &str,
    ) -> Result<Option<i64>, Trouble> {
        if let Some(number) = self.numbers.get(&kind).and_then(|names| names.get(name)) {
            return Ok(Some(*number));
        }
        let found: Option<i64> = connection
            .prepare_cached("SELECT id FROM names WHERE kind = ?1 AND name = ?2")?
            .query_row(params![kind as i64, name], |row| row.get(0))
            .optional()?;
        if let Some(number) = found {
            self.numbers
                .entry(kind)
                .or_default()
                .insert(name.to_owned(), number);
        }
        Ok(found)
    }

    /// The number of the name, given now if need be.
    pub(super) fn number(
        &mut self,
        connection: &Connection,
        kind: NameKind,
        name: &str,
    ) -> Result<i64, Trouble> {
        if let Some(number) = self.find(connection, kind, name)? {
            return Ok(number);
        }
        connection.execute(
            "INSERT INTO names (kind, name) VALUES (?1, ?2)",
            params![kind as i64, name],
        )?;
        let number = connection.last_insert_rowid();
        self.numbers
            .entry(kind)
            .or_default()
            .insert(name.to_owned(), number);
        Ok(number)
    }

    /// The name behind the number.
    pub(super) fn text(&mut self, connection: &Connection, number: i64) -> Result<String, Trouble> {
        if let Some(text) = self.texts.get(&number) {
            return Ok(text.clone());
        }
        let text: String = connection
            .prepare_cached("SELECT name FROM names WHERE id = ?1")?
            .query_row([number], |row| row.get(0))?;
        self.texts.insert(number, text.clone());
        Ok(text)
    }

    /// Forgets everything: a rolled back transaction may have taken numbers back.
    pub(super) fn forget(&mut self) {
        self.numbers.clear();
        self.texts.clear();
    }
}
