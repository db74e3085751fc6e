//! Rows as they are read.

use serde_json::{Map, Value, json};

use super::Environment;
use super::answer::Refusal;
use super::options::{Expand, Options};
use super::schema::{Column, Kind, Table};
use super::store::Row;
use super::value::written;

/// What a reader wants to see of each row.
pub(super) struct View<'a> {
    pub(super) select: Option<&'a [String]>,
    pub(super) expand: &'a [Expand],
    pub(super) annotations: bool,
}

impl<'a> View<'a> {
    pub(super) fn of(options: &'a Options, annotations: bool) -> Self {
        Self {
            select: options.select.as_deref(),
            expand: &options.expand,
            annotations,
        }
    }

    /// What stands in parentheses after `$metadata#…`.
    pub(super) fn shape(&self) -> String {
        let mut parts: Vec<String> = self.select.unwrap_or_default().to_vec();
        for expand in self.expand {
            let inner = expand.inner.select.as_deref().unwrap_or_default().join(",");
            parts.push(format!("{}({inner})", expand.name));
        }
        if parts.is_empty() {
            String::new()
        } else {
            format!("({})", parts.join(","))
        }
    }
}

impl Environment {
    /// The value of a property, by the name it is read by; a slash leads through a lookup.
    pub(super) fn read(&self, table: &Table, id: &str, row: &Row, property: &str) -> Value {
        if let Some((navigation, rest)) = property.split_once('/') {
            let next = table
                .navigation(navigation, self.now)
                .and_then(|(column, _)| row.links.get(&column.name))
                .and_then(|link| self.schema.table(link.table).zip(Some(link)));
            let value = next.and_then(|(table, link)| {
                let row = self.store.row(link.table, &link.id)?;
                Some(self.read(table, &link.id, row, rest))
            });
            return value.unwrap_or(Value::Null);
        }
        if let Some(column) = table.lookup_value(property, self.now) {
            let link = row.links.get(&column.name);
            return link.map_or(Value::Null, |link| link.id.clone().into());
        }
        match property {
            "createdon" => written(row.created).into(),
            "modifiedon" => written(row.modified).into(),
            "versionnumber" => row.version.into(),
            name if name == table.id => id.into(),
            name => row.values.get(name).cloned().unwrap_or(Value::Null),
        }
    }

    /// Refuses a property that cannot be read.
    pub(super) fn readable(&self, table: &Table, property: &str) -> Result<(), Refusal> {
        let refused = || Refusal::no_property(property, &table.type_name());
        if let Some((navigation, rest)) = property.split_once('/') {
            let (_, way) = table.navigation(navigation, self.now).ok_or_else(refused)?;
            let next = way.tables.first().and_then(|name| self.schema.table(name));
            return self.readable(next.ok_or_else(refused)?, rest);
        }
        let column = table.column(property, self.now);
        let plain = column.is_some_and(|column| !column.is_lookup() && column.name != "authvalue");
        if plain || table.lookup_value(property, self.now).is_some() {
            return Ok(());
        }
        Err(refused())
    }

    /// Refuses a view of what is not there.
    pub(super) fn visible(&self, table: &Table, options: &Options) -> Result<(), Refusal> {
        for property in options.select.iter().flatten() {
            self.readable(table, property)?;
        }
        for (property, _) in &options.order {
            self.readable(table, property)?;
        }
        for property in options.filter.iter().flat_map(|filter| filter.properties()) {
            self.readable(table, property)?;
        }
        for expand in &options.expand {
            let (_, way) = table
                .navigation(&expand.name, self.now)
                .ok_or_else(|| Refusal::no_property(&expand.name, &table.type_name()))?;
            for next in way.tables.iter().filter_map(|name| self.schema.table(name)) {
                self.visible(next, &expand.inner)?;
            }
        }
        Ok(())
    }

    /// A row as JSON.
    pub(super) fn show(&self, table: &Table, id: &str, row: &Row, view: &View<'_>) -> Map<String, Value> {
        let mut shown = Map::new();
        shown.insert("@odata.etag".to_owned(), format!("W/\"{}\"", row.version).into());
        shown.insert(table.id.to_owned(), id.into());
        let everything: Vec<String>;
        let names = if let Some(select) = view.select {
            select
        } else {
            let columns = table.columns.keys();
            let visible = columns.filter_map(|name| table.column(name, self.now));
            everything = visible
                .filter(|column| column.name != "authvalue")
                .map(Column::property)
                .collect();
            &everything
        };
        for name in names {
            let value = self.read(table, id, row, name);
            if view.annotations {
                self.annotate(table, row, name, &value, &mut shown);
            }
            shown.insert(name.clone(), value);
            // An amount is never shown without its currency.
            let is_money = |column: &Column| matches!(column.kind, Kind::Money(..));
            if table.columns.get(name).is_some_and(is_money) {
                let currency = "_transactioncurrencyid_value";
                shown.insert(currency.to_owned(), self.read(table, id, row, currency));
            }
        }
        for expand in view.expand {
            shown.insert(expand.name.clone(), self.follow(table, row, expand));
        }
        shown
    }

    fn follow(&self, table: &Table, row: &Row, expand: &Expand) -> Value {
        let link = table
            .navigation(&expand.name, self.now)
            .and_then(|(column, way)| {
                let link = row.links.get(&column.name)?;
                way.tables.contains(&link.table).then_some(link)
            });
        let next = link.and_then(|link| {
            let next = self.schema.table(link.table)?;
            let row = self.store.row(link.table, &link.id)?;
            Some(self.show(next, &link.id, row, &View::of(&expand.inner, false)))
        });
        next.map_or(Value::Null, Value::Object)
    }

    fn annotate(&self, table: &Table, row: &Row, name: &str, value: &Value, shown: &mut Map<String, Value>) {
        let mut say = |what: &str, text: String| {
            shown.insert(format!("{name}@{what}"), text.into());
        };
        if let Some(column) = table.lookup_value(name, self.now)
            && let Some(link) = row.links.get(&column.name)
        {
            say("Microsoft.Dynamics.CRM.lookuplogicalname", link.table.to_owned());
            let next = self
                .schema
                .table(link.table)
                .zip(self.store.row(link.table, &link.id));
            let title = next.and_then(|(next, row)| row.values.get(next.title)?.as_str());
            if let Some(title) = title {
                say("OData.Community.Display.V1.FormattedValue", title.to_owned());
            }
        }
        let word = table
            .columns
            .get(name)
            .zip(value.as_i64())
            .and_then(|(column, code)| word(table, column, code));
        if let Some(word) = word {
            say("OData.Community.Display.V1.FormattedValue", word);
        }
    }

    /// `{origin}/api/data/{version}/$metadata#…`
    pub(super) fn context(&self, version: &str, of: &str) -> Value {
        format!("{}/api/data/{version}/$metadata#{of}", self.origin).into()
    }

    /// The answer for one row.
    pub(super) fn entity(
        &self,
        table: &Table,
        id: &str,
        options: &Options,
        annotations: bool,
        version: &str,
    ) -> Result<Value, Refusal> {
        self.visible(table, options)?;
        let row = self
            .store
            .row(table.name, id)
            .ok_or_else(|| Refusal::no_row(table.name, id))?;
        let view = View::of(options, annotations);
        let mut shown = self.show(table, id, row, &view);
        let context = self.context(version, &format!("{}{}/$entity", table.set, view.shape()));
        shown.insert("@odata.context".to_owned(), context);
        Ok(json!(shown))
    }
}

/// The word for a number.
fn word(table: &Table, column: &Column, code: i64) -> Option<String> {
    match &column.kind {
        Kind::Choice(options) => options
            .iter()
            .find(|(option, _)| *option == code)
            .map(|(_, word)| word.clone()),
        Kind::State => table.state(code).map(|state| state.name.to_owned()),
        Kind::Status => table
            .states
            .iter()
            .flat_map(|state| &state.reasons)
            .find(|(reason, _)| *reason == code)
            .map(|(_, word)| word.clone()),
        _ => None,
    }
}
