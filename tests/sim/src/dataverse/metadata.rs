//! `EntityDefinitions`: what tables, columns and keys there are, and new ones (contract dynamics365 13, 17).

mod attribute;
mod change;
mod definition;

use http::Method;
use serde_json::{Map, Value, json};

use super::Environment;
use super::answer::{Answer, Refusal};
use super::call::Call;
use super::options::{Expand, Options};
use super::path::Segment;
use super::predicate::Predicate;
use super::schema::{Column, Table};
use definition::Defined;

const TABLE_TYPE: &str = "Microsoft.Dynamics.CRM.EntityMetadata";
const RELATIONSHIPS: &[&str] = &[
    "OneToManyRelationships",
    "ManyToOneRelationships",
    "ManyToManyRelationships",
];

impl Environment {
    pub(super) fn definitions(
        &mut self,
        call: &Call,
        first: &Segment,
        rest: &[Segment],
    ) -> Result<Answer, Refusal> {
        let Some(key) = &first.key else {
            return match (&call.method, rest) {
                (&Method::GET, []) => self.all_tables(call),
                _ => Err(Refusal::method()),
            };
        };
        let options = Options::read(&call.query)?;
        let table = self.defined_table(key)?.name;
        match (&call.method, rest) {
            (&Method::GET, []) => self.one_table(table, &options, call),
            (&Method::PUT, []) => self.put_table(table, call),
            (_, []) => Err(Refusal::method()),
            (method, [collection, rest @ ..]) => match (method, collection.name.as_str()) {
                (&Method::GET, "Attributes") => self.attributes(table, collection, rest, &options, call),
                (&Method::POST, "Attributes") if rest.is_empty() => self.add_column(table, call),
                (&Method::GET, "Keys") if rest.is_empty() => self.keys(table, collection, &options, call),
                (&Method::POST, "Keys") if rest.is_empty() => self.add_key(table, call),
                (&Method::DELETE, "Keys") if rest.is_empty() => self.remove_key(table, collection),
                (&Method::GET, name) if RELATIONSHIPS.contains(&name) => {
                    let context =
                        self.context(&call.version, &format!("EntityDefinitions('{table}')/{name}"));
                    Ok(Answer::json(
                        200,
                        &json!({ "@odata.context": context, "value": [] }),
                    ))
                }
                (_, "Attributes" | "Keys") => Err(Refusal::method()),
                (_, name) => Err(Refusal::no_resource(name)),
            },
        }
    }

    fn all_tables(&self, call: &Call) -> Result<Answer, Refusal> {
        let options = Options::read(&call.query)?;
        let tables = self.schema.all();
        let shown = tables.map(|table| self.table_shown(table, &options));
        let shown: Vec<Defined> = shown.collect::<Result<_, _>>()?;
        self.list("EntityDefinitions", shown, &options, call)
    }

    fn one_table(&self, table: &str, options: &Options, call: &Call) -> Result<Answer, Refusal> {
        let shown = self.table_shown(self.table(table)?, options)?;
        self.single_definition("EntityDefinitions", &shown, options, call)
    }

    fn table_shown(&self, table: &Table, options: &Options) -> Result<Defined, Refusal> {
        let mut shown = definition::table(table);
        for Expand { name, inner } in &options.expand {
            let members: Vec<Value> = match name.as_str() {
                "Attributes" => table
                    .columns
                    .values()
                    .map(|column| attribute::defined(table, column).select(inner))
                    .collect::<Result<_, _>>()?,
                "Keys" => table
                    .keys
                    .iter()
                    .map(|key| definition::key(table, key, self.now).select(inner))
                    .collect::<Result<_, _>>()?,
                name if RELATIONSHIPS.contains(&name) => Vec::new(),
                other => return Err(Refusal::no_property(other, TABLE_TYPE)),
            };
            shown.expanded.insert(name.clone(), members.into());
        }
        Ok(shown)
    }

    fn attributes(
        &self,
        table: &str,
        collection: &Segment,
        rest: &[Segment],
        options: &Options,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let definition = self.table(table)?;
        let cast = match rest {
            [] => None,
            [cast] => Some(cast.name.as_str()),
            [_, other, ..] => return Err(Refusal::no_resource(&other.name)),
        };
        let of = format!("EntityDefinitions('{table}')/Attributes");
        let shown = |column: &Column| attribute::shown(definition, column, cast, options);
        if let Some(key) = &collection.key {
            let column = find_column(definition, key)?;
            let shown = shown(column)?.ok_or_else(|| no_column(&column.name))?;
            return self.single_definition(&of, &shown, options, call);
        }
        let all = definition.columns.values().map(shown);
        let all: Vec<Option<Defined>> = all.collect::<Result<_, _>>()?;
        self.list(&of, all.into_iter().flatten().collect(), options, call)
    }

    fn keys(
        &self,
        table: &str,
        collection: &Segment,
        options: &Options,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let definition = self.table(table)?;
        let of = format!("EntityDefinitions('{table}')/Keys");
        let shown = |key| definition::key(definition, key, self.now);
        if let Some(wanted) = &collection.key {
            let at = change::key_at(definition, wanted)?;
            return self.single_definition(&of, &shown(&definition.keys[at]), options, call);
        }
        let all = definition.keys.iter().map(shown).collect();
        self.list(&of, all, options, call)
    }

    fn list(&self, of: &str, all: Vec<Defined>, options: &Options, call: &Call) -> Result<Answer, Refusal> {
        let refused = ["$orderby", "$top", "$count"];
        if let Some(name) = options.given.iter().find(|name| refused.contains(&name.as_str())) {
            return Err(Refusal::odata(format!(
                "The query parameter {name} is not supported for metadata."
            )));
        }
        let asked = options.filter.iter().flat_map(|filter| filter.properties());
        if let Some(any) = all.first() {
            asked.into_iter().try_for_each(|property| any.knows(property))?;
        }
        let wanted = all.into_iter().filter(|defined| {
            let value = |name: &str| defined.value(name);
            options.filter.as_ref().is_none_or(|filter| filter.holds(&value))
        });
        let value = wanted.map(|defined| defined.select(options));
        let value: Vec<Value> = value.collect::<Result<_, _>>()?;
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), self.context(&call.version, of));
        body.insert("value".to_owned(), value.into());
        Ok(Answer::json(200, &Value::Object(body)))
    }

    fn single_definition(
        &self,
        of: &str,
        defined: &Defined,
        options: &Options,
        call: &Call,
    ) -> Result<Answer, Refusal> {
        let mut body = defined.select(options)?;
        let select = options.select.as_deref().unwrap_or_default().join(",");
        let shape = if select.is_empty() {
            select
        } else {
            format!("({select})")
        };
        body["@odata.context"] = self.context(&call.version, &format!("{of}{shape}/$entity"));
        Ok(Answer::json(200, &body))
    }

    fn defined_table(&self, key: &Predicate) -> Result<&Table, Refusal> {
        let (table, named) = match key {
            Predicate::Id(id) => (self.schema.all().find(|table| table.metadata == *id), id.clone()),
            Predicate::Named(pairs) => match pairs.as_slice() {
                [(name, Value::String(value))] if name == "LogicalName" => {
                    (self.schema.table(value), value.clone())
                }
                _ => return Err(Refusal::syntax()),
            },
            Predicate::Empty => return Err(Refusal::syntax()),
        };
        table.ok_or_else(|| {
            let message = format!("Could not find an entity with specified name {named}.");
            Refusal::new(404, "0x80060888", message)
        })
    }
}

fn find_column<'a>(table: &'a Table, key: &Predicate) -> Result<&'a Column, Refusal> {
    match key {
        Predicate::Id(id) => {
            let mut columns = table.columns.values();
            columns
                .find(|column| column.metadata == *id)
                .ok_or_else(|| no_column(id))
        }
        Predicate::Named(pairs) => match pairs.as_slice() {
            [(name, Value::String(value))] if name == "LogicalName" => {
                table.columns.get(value).ok_or_else(|| no_column(value))
            }
            _ => Err(Refusal::syntax()),
        },
        Predicate::Empty => Err(Refusal::syntax()),
    }
}

fn no_column(name: &str) -> Refusal {
    let message = format!("Could not find an attribute with specified name {name}.");
    Refusal::new(404, "0x80060888", message)
}
