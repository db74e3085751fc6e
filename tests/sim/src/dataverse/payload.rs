//! A body becomes the columns and lookups of a row.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Environment;
use super::answer::Refusal;
use super::predicate::Predicate;
use super::schema::{Access, Column, Table};
use super::store::{Link, Row};
use super::{path, value};

impl Environment {
    /// Writes a body into a row; `creating` opens the columns that can be written once.
    pub(super) fn fill(
        &self,
        table: &Table,
        row: &mut Row,
        body: &Map<String, Value>,
        creating: bool,
        references: &HashMap<String, String>,
    ) -> Result<(), Refusal> {
        for (name, given) in body {
            if let Some(property) = name.strip_suffix("@odata.bind") {
                self.bind(table, row, property, given, creating, references)?;
            } else if name == "@odata.type" {
                is_type(table, given)?;
            } else if !name.contains('@') {
                self.set(table, row, name, given, creating)?;
            }
        }
        Ok(())
    }

    fn set(
        &self,
        table: &Table,
        row: &mut Row,
        name: &str,
        given: &Value,
        creating: bool,
    ) -> Result<(), Refusal> {
        if name == table.id {
            return Ok(());
        }
        let column = table.column(name, self.now);
        match column.filter(|column| !column.is_lookup()) {
            Some(column) => {
                may_write(column, creating)?;
                match value::check(table, column, given)? {
                    Value::Null => row.values.remove(name),
                    kept => row.values.insert(name.to_owned(), kept),
                };
                Ok(())
            }
            None => match table.navigation(name, self.now) {
                // A lookup is cleared by its navigation property.
                Some((column, _)) if given.is_null() => {
                    may_write(column, creating)?;
                    row.links.remove(&column.name);
                    Ok(())
                }
                Some(_) if given.is_object() => Err(Refusal::new(
                    501,
                    "0x80060888",
                    "The simulator has no deep insert.",
                )),
                _ => Err(unknown(table, name)),
            },
        }
    }

    fn bind(
        &self,
        table: &Table,
        row: &mut Row,
        property: &str,
        given: &Value,
        creating: bool,
        references: &HashMap<String, String>,
    ) -> Result<(), Refusal> {
        let (column, way) = table
            .navigation(property, self.now)
            .ok_or_else(|| unknown(table, property))?;
        may_write(column, creating)?;
        if given.is_null() {
            row.links.remove(&column.name);
            return Ok(());
        }
        let url = given
            .as_str()
            .ok_or_else(|| Refusal::payload("A reference must be a URL."))?;
        let link = self.link(url, references)?;
        if !way.tables.contains(&link.table) {
            return Err(Refusal::payload(format!(
                "A reference of the type '{}' is not expected for '{property}'.",
                link.table
            )));
        }
        row.links.insert(column.name.clone(), link);
        Ok(())
    }

    /// The row a URL leads to: absolute, relative, or the Content-ID of another request.
    pub(super) fn link(&self, url: &str, references: &HashMap<String, String>) -> Result<Link, Refusal> {
        let resource = match url.strip_prefix('$') {
            Some(id) => references.get(id).ok_or_else(|| no_reference(url))?,
            None => url,
        };
        let resource = resource.strip_prefix(&self.origin).unwrap_or(resource);
        let resource = resource
            .strip_prefix("/api/data/v9.")
            .and_then(|rest| rest.split_once('/').map(|(_, rest)| rest))
            .unwrap_or(resource.trim_start_matches('/'));
        let mut segments = path::read(resource)?;
        let (Some(segment), true) = (segments.pop(), segments.is_empty()) else {
            return Err(Refusal::syntax());
        };
        let table = self
            .schema
            .of_set(&segment.name)
            .ok_or_else(|| Refusal::no_resource(&segment.name))?;
        let key = segment.key.unwrap_or(Predicate::Empty);
        let id = self.existing(table, &self.target(table, &key)?)?;
        Ok(Link {
            table: table.name,
            id,
        })
    }
}

/// The words for a Content-ID nobody has used yet.
pub(super) fn no_reference(url: &str) -> Refusal {
    Refusal::odata(format!(
        "Content-ID Reference: '{url}' does not exist in the batch context."
    ))
}

fn may_write(column: &Column, creating: bool) -> Result<(), Refusal> {
    match column.access {
        Access::Free => Ok(()),
        Access::Once if creating => Ok(()),
        _ => Err(Refusal::argument(format!(
            "The column '{}' can not be written by this request.",
            column.name
        ))),
    }
}

fn is_type(table: &Table, given: &Value) -> Result<(), Refusal> {
    let given = given.as_str().unwrap_or_default().trim_start_matches('#');
    if given == table.type_name() {
        return Ok(());
    }
    Err(Refusal::payload(format!(
        "A resource with type '{given}' was found, but it is not assignable to the expected type '{}'.",
        table.type_name()
    )))
}

fn unknown(table: &Table, name: &str) -> Refusal {
    Refusal::payload(format!(
        "Error identified in Payload provided by the user for Entity :'{}', The property '{name}' does not exist on \
         type '{}'. Make sure to only use property names that are defined by the type.",
        table.set,
        table.type_name()
    ))
}
