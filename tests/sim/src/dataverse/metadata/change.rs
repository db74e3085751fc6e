//! New columns, new keys, and change tracking switched on (contract dynamics365 17).

use serde_json::{Map, Value};

use crate::dataverse::answer::{Answer, Refusal};
use crate::dataverse::call::Call;
use crate::dataverse::path::Segment;
use crate::dataverse::predicate::Predicate;
use crate::dataverse::schema::{Access, AlternateKey, Column, IndexStatus, Kind, MOST_KEYS, Table};
use crate::dataverse::{Environment, ids};

/// A key's columns together take no more bytes.
const KEY_BYTES: usize = 900;
const KEY_COLUMNS: usize = 16;

/// What a new column may say of itself.
const KNOWN: &[&str] = &[
    "@odata.type",
    "AttributeType",
    "AttributeTypeName",
    "SchemaName",
    "LogicalName",
    "DisplayName",
    "Description",
    "RequiredLevel",
    "FormatName",
    "Format",
    "MaxLength",
    "IsPrimaryName",
    "MinValue",
    "MaxValue",
    "Precision",
    "PrecisionSource",
    "ImeMode",
    "OptionSet",
    "DefaultValue",
    "DateTimeBehavior",
    "IsAuditEnabled",
    "IsValidForAdvancedFind",
    "IsSecured",
    "SourceType",
];

impl Environment {
    /// Metadata changes one at a time, for those who may.
    fn customize(&mut self, privilege: &str) -> Result<(), Refusal> {
        self.has_privilege(privilege, "none")?;
        if let Some(left) = self.settings.customization_locks.checked_sub(1) {
            self.settings.customization_locks = left;
            let message = "Cannot start the requested operation because there is another customization operation \
                           running at this moment. Please try again later.";
            return Err(Refusal::new(400, "0x80071151", message));
        }
        Ok(())
    }

    pub(super) fn add_column(&mut self, table: &'static str, call: &Call) -> Result<Answer, Refusal> {
        self.customize("prvCreateAttribute")?;
        let asked = call.object()?;
        if let Some(name) = asked.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Refusal::no_property(
                name,
                "Microsoft.Dynamics.CRM.AttributeMetadata",
            ));
        }
        let schema = schema_name(&asked)?;
        let kind = kind(&asked)?;
        let visible_from = self.now + self.settings.column_takes;
        let definition = self.schema.table_mut(table);
        let definition = definition.ok_or_else(|| Refusal::no_resource(table))?;
        let name = schema.to_lowercase();
        if definition.columns.contains_key(&name) {
            let message = format!("An attribute with the specified name {schema} already exists");
            return Err(Refusal::new(400, "0x80047013", message));
        }
        let column = Column {
            name: name.clone(),
            schema: schema.clone(),
            label: label_of(&asked).unwrap_or(schema),
            kind,
            access: Access::Free,
            custom: true,
            metadata: ids::definition(&format!("{table}.{name}")),
            visible_from,
        };
        let resource = format!("{}({})", call.path, column.metadata);
        definition.columns.insert(name, column);
        Ok(self.at(call, &resource))
    }

    pub(super) fn add_key(&mut self, table: &'static str, call: &Call) -> Result<Answer, Refusal> {
        self.customize("prvWriteEntity")?;
        let asked = call.object()?;
        let schema = schema_name(&asked)?;
        let columns = asked.get("KeyAttributes").and_then(Value::as_array);
        let columns = columns.into_iter().flatten().filter_map(Value::as_str);
        let columns: Vec<String> = columns.map(str::to_owned).collect();
        let (now, takes) = (self.now, self.settings.key_takes);
        let definition = self.schema.table_mut(table);
        let definition = definition.ok_or_else(|| Refusal::no_resource(table))?;
        may_be_key(definition, &columns)?;
        let name = schema.to_lowercase();
        let same = |key: &AlternateKey| key.name == name || key.columns == columns;
        if definition.keys.iter().any(same) {
            let message =
                format!("An entity key with the name {schema} or the same attributes already exists.");
            return Err(Refusal::new(400, "0x80060890", message));
        }
        let key = AlternateKey {
            metadata: ids::definition(&format!("{table}.key.{name}")),
            label: label_of(&asked).unwrap_or_else(|| schema.clone()),
            name,
            schema,
            columns,
            status: IndexStatus::Building(now, now + takes),
        };
        let resource = format!("{}({})", call.path, key.metadata);
        definition.keys.push(key);
        self.build_indexes();
        Ok(self.at(call, &resource))
    }

    pub(super) fn remove_key(&mut self, table: &'static str, wanted: &Segment) -> Result<Answer, Refusal> {
        self.customize("prvWriteEntity")?;
        let wanted = wanted.key.as_ref().ok_or_else(Refusal::method)?;
        let definition = self.schema.table_mut(table);
        let definition = definition.ok_or_else(|| Refusal::no_resource(table))?;
        let at = key_at(definition, wanted)?;
        let key = definition.keys.remove(at);
        self.store.drop_index(table, &key.metadata);
        Ok(Answer::nothing())
    }

    /// The whole definition comes back; only change tracking may differ, and only one way.
    pub(super) fn put_table(&mut self, table: &'static str, call: &Call) -> Result<Answer, Refusal> {
        self.customize("prvWriteEntity")?;
        let asked = call.object()?;
        let definition = self.schema.table_mut(table);
        let definition = definition.ok_or_else(|| Refusal::no_resource(table))?;
        let whole = [
            ("MetadataId", definition.metadata.as_str()),
            ("LogicalName", definition.name),
            ("SchemaName", definition.schema),
            ("EntitySetName", definition.set),
        ];
        if let Some((name, _)) = whole
            .iter()
            .find(|(name, value)| asked.get(*name).is_none_or(|given| given != value))
        {
            return Err(Refusal::argument(format!(
                "The definition to put needs its '{name}'."
            )));
        }
        let tracked = asked.get("ChangeTrackingEnabled").and_then(Value::as_bool);
        match tracked {
            Some(false) if definition.tracked => {
                return Err(Refusal::argument("Change tracking cannot be switched off."));
            }
            Some(true) => definition.tracked = true,
            _ => {}
        }
        Ok(Answer::nothing())
    }

    fn at(&self, call: &Call, resource: &str) -> Answer {
        let url = format!("{}/api/data/{}/{resource}", self.origin, call.version);
        Answer::nothing().with("OData-EntityId", url)
    }

    /// Builds the indexes whose time has come.
    pub(in crate::dataverse) fn build_indexes(&mut self) {
        for table in self.schema.all_mut() {
            for key in &mut table.keys {
                let IndexStatus::Building(_, until) = key.status else {
                    continue;
                };
                if until <= self.now {
                    let unique = self.store.index(table.name, &key.metadata, &key.columns);
                    key.status = if unique {
                        IndexStatus::Active
                    } else {
                        IndexStatus::Failed
                    };
                }
            }
        }
    }
}

/// The place of a key among those of its table.
pub(super) fn key_at(table: &Table, wanted: &Predicate) -> Result<usize, Refusal> {
    let at = match wanted {
        Predicate::Id(id) => table.keys.iter().position(|key| key.metadata == *id),
        Predicate::Named(pairs) => match pairs.as_slice() {
            [(name, Value::String(value))] if name == "LogicalName" => {
                table.keys.iter().position(|key| key.name == *value)
            }
            _ => return Err(Refusal::syntax()),
        },
        Predicate::Empty => return Err(Refusal::syntax()),
    };
    at.ok_or_else(|| Refusal::new(404, "0x80060888", "Could not find the entity key."))
}

fn may_be_key(table: &Table, columns: &[String]) -> Result<(), Refusal> {
    if table.keys.len() >= MOST_KEYS {
        return Err(Refusal::argument("The table has as many keys as it may have."));
    }
    if columns.is_empty() || columns.len() > KEY_COLUMNS {
        return Err(Refusal::argument("A key has one to sixteen columns."));
    }
    let mut bytes = 0;
    for name in columns {
        let column = table.columns.get(name);
        let column = column.ok_or_else(|| Refusal::argument(format!("There is no column '{name}'.")))?;
        bytes += match column.kind {
            Kind::Text(most) => most * 2,
            Kind::Integer(..) | Kind::Choice(_) | Kind::Date | Kind::Moment => 8,
            Kind::Lookup(_) | Kind::Double(..) | Kind::Decimal(..) => 16,
            _ => {
                return Err(Refusal::argument(format!(
                    "The column '{name}' is not of a type for keys."
                )));
            }
        };
    }
    if bytes > KEY_BYTES {
        return Err(Refusal::argument("The columns of a key take at most 900 bytes."));
    }
    Ok(())
}

/// `prefix_Name`, the prefix being that of a publisher.
fn schema_name(asked: &Map<String, Value>) -> Result<String, Refusal> {
    let name = asked
        .get("SchemaName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (prefix, rest) = name.split_once('_').unwrap_or_default();
    let is_prefix = (2..=8).contains(&prefix.len())
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && prefix.as_bytes()[0].is_ascii_alphabetic()
        && !prefix.to_ascii_lowercase().starts_with("mscrm");
    let is_name = !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_prefix && is_name {
        return Ok(name.to_owned());
    }
    let message = format!("The schema name '{name}' does not begin with the prefix of a publisher.");
    Err(Refusal::argument(message))
}

fn label_of(asked: &Map<String, Value>) -> Option<String> {
    let label = asked.get("DisplayName")?.pointer("/LocalizedLabels/0/Label")?;
    label.as_str().map(str::to_owned)
}

fn kind(asked: &Map<String, Value>) -> Result<Kind, Refusal> {
    let kind = asked
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let kind = kind.trim_start_matches('#');
    let whole = |name: &str, otherwise: i64| asked.get(name).and_then(Value::as_i64).unwrap_or(otherwise);
    let number = |name: &str, otherwise: f64| asked.get(name).and_then(Value::as_f64).unwrap_or(otherwise);
    let length = |most: usize| {
        let length = asked.get("MaxLength").and_then(Value::as_u64);
        let length = length.and_then(|length| usize::try_from(length).ok());
        length
            .filter(|length| (1..=most).contains(length))
            .ok_or_else(|| Refusal::argument(format!("MaxLength has to be between 1 and {most}.")))
    };
    Ok(
        match kind.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or_default() {
            "StringAttributeMetadata" => Kind::Text(length(4000)?),
            "MemoAttributeMetadata" => Kind::Memo(length(1_048_576)?),
            "DateTimeAttributeMetadata" if asked.get("Format").is_some_and(|format| format == "DateOnly") => {
                Kind::Date
            }
            "DateTimeAttributeMetadata" => Kind::Moment,
            "BooleanAttributeMetadata" if asked.contains_key("OptionSet") => Kind::Boolean,
            "IntegerAttributeMetadata" => Kind::Integer(
                whole("MinValue", i64::from(i32::MIN)),
                whole("MaxValue", i64::from(i32::MAX)),
            ),
            "MoneyAttributeMetadata" => Kind::Money(number("MinValue", -9.2e14), number("MaxValue", 9.2e14)),
            "DecimalAttributeMetadata" => Kind::Decimal(number("MinValue", -1e11), number("MaxValue", 1e11)),
            "DoubleAttributeMetadata" => Kind::Double(number("MinValue", -1e11), number("MaxValue", 1e11)),
            "PicklistAttributeMetadata" => Kind::Choice(options(asked)?),
            other => {
                return Err(Refusal::argument(format!(
                    "A column of the type '{other}' cannot be made so."
                )));
            }
        },
    )
}

fn options(asked: &Map<String, Value>) -> Result<Vec<(i64, String)>, Refusal> {
    let options = asked
        .get("OptionSet")
        .and_then(|set| set.get("Options"))
        .and_then(Value::as_array);
    let option = |option: &Value| {
        let word = option
            .pointer("/Label/LocalizedLabels/0/Label")
            .and_then(Value::as_str);
        Some((option.get("Value")?.as_i64()?, word?.to_owned()))
    };
    let options: Option<Vec<_>> = options.into_iter().flatten().map(option).collect();
    options.filter(|options| !options.is_empty()).ok_or_else(|| {
        Refusal::argument("A choice needs an OptionSet with Options, each with a Value and a Label.")
    })
}
