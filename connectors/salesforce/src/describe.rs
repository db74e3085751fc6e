//! What an object looks like to the integration user (contract salesforce 10). Pure, but for its age.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ConnectorError;
use serde::Deserialize;

use crate::api::Api;

/// The fields of an object, as the integration user sees them. A field that field security hides is
/// not there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Described")]
pub(crate) struct Describe {
    /// New records may be made.
    pub createable: bool,
    /// Records may be changed.
    pub updateable: bool,
    fields: BTreeMap<String, Field>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default = "yes")]
    createable: bool,
    #[serde(default = "yes")]
    updateable: bool,
    fields: Vec<Field>,
}

fn yes() -> bool {
    true
}

/// One field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "Salesforce describes a field by flags"
)]
pub(crate) struct Field {
    /// Its name, spelt as the API spells it.
    pub name: String,
    /// `string`, `email`, `picklist`, ..
    pub r#type: String,
    /// Longest text, in characters.
    pub length: usize,
    /// It may be empty.
    pub nillable: bool,
    /// It may be written when a record is made.
    pub createable: bool,
    /// It may be written later.
    pub updateable: bool,
    /// It gets a value when nobody gives one.
    pub defaulted_on_create: bool,
    /// It may be the key of an upsert.
    pub external_id: bool,
    /// No two records share a value.
    pub unique: bool,
    /// Only values of the list.
    pub restricted_picklist: bool,
    /// The list.
    pub picklist_values: Vec<Choice>,
}

/// A value of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    /// It may be chosen.
    pub active: bool,
    /// What is written.
    pub value: String,
}

impl From<Described> for Describe {
    fn from(described: Described) -> Self {
        let fields = described.fields.into_iter();
        Self {
            createable: described.createable,
            updateable: described.updateable,
            fields: fields.map(|field| (field.name.to_lowercase(), field)).collect(),
        }
    }
}

impl Describe {
    /// An object nobody has described: these fields take anything, and those insisted on a text of so many
    /// characters.
    pub(crate) fn assumed<'a>(named: impl Iterator<Item = &'a str>, insisted_on: &[(&str, usize)]) -> Self {
        let field = |name: &str, length: Option<usize>| Field {
            name: name.to_owned(),
            r#type: length.map_or_else(String::new, |_| "string".to_owned()),
            length: length.unwrap_or_default(),
            nillable: length.is_none(),
            createable: true,
            updateable: true,
            ..Field::default()
        };
        let any = named.map(|name| (name.to_lowercase(), field(name, None)));
        let strict = insisted_on
            .iter()
            .map(|(name, length)| (name.to_lowercase(), field(name, Some(*length))));
        Self {
            createable: true,
            updateable: true,
            fields: any.chain(strict).collect(),
        }
    }

    /// The field of this name; names know no case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(&name.to_lowercase())
    }

    /// All of them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.values()
    }
}

impl Field {
    /// It holds text that `length` limits.
    pub(crate) fn is_text(&self) -> bool {
        matches!(
            self.r#type.as_str(),
            "string"
                | "textarea"
                | "email"
                | "phone"
                | "url"
                | "picklist"
                | "multipicklist"
                | "combobox"
                | "encryptedstring"
                | "id"
                | "reference"
        )
    }

    /// The list has this value, or there is no list that has to have it.
    pub(crate) fn takes(&self, value: &str) -> bool {
        !self.restricted_picklist
            || self
                .picklist_values
                .iter()
                .any(|choice| choice.active && choice.value == value)
    }
}

/// Descriptions of one object, asked for when they are old.
pub(crate) struct Schema {
    api: Arc<Api>,
    object: &'static str,
    life: TimeDelta,
    known: Mutex<Option<(DateTime<Utc>, Arc<Describe>)>>,
}

impl Schema {
    /// Asks nobody yet.
    pub(crate) fn new(api: Arc<Api>, object: &'static str, life: std::time::Duration) -> Self {
        Self {
            api,
            object,
            life: TimeDelta::from_std(life).unwrap_or(TimeDelta::hours(4)),
            known: Mutex::default(),
        }
    }

    /// What is known, asked for when it is older than it may be.
    pub(crate) async fn get(&self) -> Result<Arc<Describe>, ConnectorError> {
        let now = self.api.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, describe)) = known
            && now >= at
            && now - at < self.life
        {
            return Ok(describe);
        }
        let describe = Arc::new(self.api.describe(self.object).await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&describe)));
        Ok(describe)
    }

    /// What was known is out of date.
    pub(crate) fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
