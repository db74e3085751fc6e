//! How a lead becomes the columns of a row.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::mapping::{FieldRule, Mapping, field_of};
use connector_kit::{ConfigError, ConnectorError, ConnectorSettings, ErrorKind, Gate, LeadDelivery};
use serde::Deserialize;

use crate::connection::Service;
use crate::entity::{EdmType, Property, TEXT_UNITS, truncated};
use crate::limits::name_fault;

/// The mapping used when the operator writes none, in the very file an operator may copy.
const SHIPPED: &str = include_str!("../../../config/connectors.d/azure-table.toml");
/// The column that forbids contact, where the mapping names no other.
const DO_NOT_CONTACT: &str = "DoNotContact";

#[derive(Deserialize)]
struct Shipped {
    settings: ShippedSettings,
    mapping: BTreeMap<String, FieldRule>,
}

#[derive(Deserialize)]
struct ShippedSettings {
    types: BTreeMap<String, EdmType>,
}

/// Turns leads into columns.
#[derive(Debug)]
pub(crate) struct Columns {
    mapping: Mapping,
    types: BTreeMap<String, EdmType>,
    /// Columns made by an expression, whose text nobody has vouched for.
    expressions: BTreeSet<String>,
    flag: String,
    /// Columns that hold revision and address, where the mapping writes them as they are.
    pub(crate) revision: Option<String>,
    pub(crate) email: Option<String>,
}

impl Columns {
    /// The operator's mapping, or the shipped one.
    pub(crate) fn new(
        settings: &ConnectorSettings,
        types: &BTreeMap<String, EdmType>,
        service: Service,
    ) -> Result<Self, ConfigError> {
        let shipped: Shipped = toml::from_str(SHIPPED)
            .map_err(|error| ConfigError::new("", format!("the shipped mapping is broken: {error}")))?;
        let own = !settings.mapping.is_empty();
        let rules = if own { &settings.mapping } else { &shipped.mapping };
        for name in rules.keys() {
            if let Some(fault) = name_fault(name, service) {
                return Err(ConfigError::new(format!("mapping.{name}"), fault));
            }
        }
        let mut all_types = if own {
            BTreeMap::new()
        } else {
            shipped.settings.types
        };
        all_types.extend(types.iter().map(|(name, edm)| (name.clone(), *edm)));
        if let Some(name) = all_types.keys().find(|name| !rules.contains_key(*name)) {
            return Err(ConfigError::new(
                format!("settings.types.{name}"),
                "the mapping has no such column",
            ));
        }
        let flag = rules
            .iter()
            .find(|(_, rule)| rule.from.as_deref() == Some("dnc"))
            .map(|(name, _)| name.as_str());
        Ok(Self {
            mapping: Mapping::parse(rules, &settings.tables)?,
            types: all_types,
            expressions: rules
                .iter()
                .filter(|(_, rule)| rule.expr.is_some())
                .map(|(name, _)| name.clone())
                .collect(),
            flag: flag.unwrap_or(DO_NOT_CONTACT).to_owned(),
            revision: field_of(rules, "revision").map(str::to_owned),
            email: field_of(rules, "person.email").map(str::to_owned),
        })
    }

    /// The columns to merge. What is empty is left out, so that a merge never blanks what somebody
    /// filled in, except when nobody may be contacted: then every column made from the person is
    /// blanked, because a merge cannot delete.
    pub(crate) fn of(&self, delivery: &LeadDelivery) -> Result<BTreeMap<String, Property>, ConnectorError> {
        let forbidden = delivery.lead.dnc || delivery.gate == Gate::DoNotContact;
        if forbidden && delivery.gate == Gate::Open {
            // The lead says what the gate does not: the stricter of the two counts.
            return self.of(&LeadDelivery {
                gate: Gate::DoNotContact,
                ..delivery.clone()
            });
        }
        let mut columns = match self.mapped(delivery) {
            // A mapping that fails must not keep the mark from being written.
            Err(_) if delivery.gate == Gate::DoNotContact => BTreeMap::new(),
            columns => columns?,
        };
        if delivery.gate == Gate::DoNotContact {
            let personal = self.mapping.personal(&delivery.lead).map(str::to_owned);
            let blank = personal.chain(self.expressions.iter().cloned());
            columns.extend(blank.map(|name| (name, Property::Text(String::new()))));
        }
        columns.insert(self.flag.clone(), Property::Flag(forbidden));
        Ok(columns)
    }

    fn mapped(&self, delivery: &LeadDelivery) -> Result<BTreeMap<String, Property>, ConnectorError> {
        let mut columns = BTreeMap::new();
        for field in self.mapping.record(delivery)? {
            let wanted = self.types.get(&field.target).copied();
            let Some(value) = Property::typed(&field.value, wanted) else {
                let text = format!(
                    "map field {}: the value is not of its type in settings.types",
                    field.target
                );
                return Err(ConnectorError::new(ErrorKind::Rejected, text)
                    .hint("correct the mapping or the type of this column, then requeue"));
            };
            match value {
                Property::Text(text) if text.is_empty() => {}
                Property::Text(text) => {
                    columns.insert(
                        field.target,
                        Property::Text(truncated(&text, TEXT_UNITS).to_owned()),
                    );
                }
                value => {
                    columns.insert(field.target, value);
                }
            }
        }
        Ok(columns)
    }
}

#[cfg(test)]
#[path = "columns/tests.rs"]
mod tests;
