//! What tables, columns and keys there are, and new ones (contract dynamics365 5 and 17).

use std::collections::BTreeMap;
use std::time::Duration;

use connector_kit::http::Response;
use http::Method;
use http::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::api::Dataverse;
use crate::error::Failure;
use crate::operation::Operation;
use crate::wanted::Kind;

const LEAD: &str = "EntityDefinitions(LogicalName='lead')";
const COLUMN_TYPE: &str = "Microsoft.Dynamics.CRM.";
/// One change of metadata at a time; the next one waits its turn.
const TURN: Duration = Duration::from_secs(10);
const TURNS: usize = 12;
/// What a decimal column holds, either way.
const MOST_DECIMAL: i64 = 100_000_000_000;

/// What Dataverse says of a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnFacts {
    /// `String`, `Memo`, `Picklist`, ..
    pub kind: String,
    /// It takes values from us.
    pub writable: bool,
    /// The longest text, in UTF-16 units.
    pub most: Option<usize>,
    /// The values of a choice.
    pub values: Option<Vec<i64>>,
}

/// An alternate key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyFacts {
    /// Its logical name.
    pub logical_name: String,
    /// Its columns.
    pub key_attributes: Vec<String>,
    /// `Pending`, `InProgress`, `Active`, `Failed`
    pub entity_key_index_status: String,
}

/// Whether a table remembers its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tracking {
    /// It does.
    pub enabled: bool,
    /// It can.
    pub possible: bool,
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    logical_name: String,
    #[serde(default, rename = "AttributeType")]
    kind: Option<String>,
    #[serde(default)]
    is_valid_for_create: Option<bool>,
    #[serde(default)]
    is_valid_for_update: Option<bool>,
    #[serde(default)]
    max_length: Option<usize>,
    #[serde(default)]
    option_set: Option<OptionSet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OptionSet {
    options: Vec<Choice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Choice {
    value: i64,
}

impl Dataverse {
    /// Every column of the lead table.
    pub(crate) async fn columns(&self) -> Result<BTreeMap<String, ColumnFacts>, Failure> {
        let select = "$select=LogicalName,AttributeType,IsValidForCreate,IsValidForUpdate";
        let mut columns: BTreeMap<String, ColumnFacts> = BTreeMap::new();
        for attribute in self.attributes(&format!("?{select}")).await? {
            let facts = ColumnFacts {
                kind: attribute.kind.unwrap_or_default(),
                writable: attribute.is_valid_for_create != Some(false)
                    && attribute.is_valid_for_update != Some(false),
                ..ColumnFacts::default()
            };
            columns.insert(attribute.logical_name, facts);
        }
        for (kind, query) in [
            ("String", "?$select=LogicalName,MaxLength"),
            ("Memo", "?$select=LogicalName,MaxLength"),
            (
                "Picklist",
                "?$select=LogicalName&$expand=OptionSet($select=Options)",
            ),
        ] {
            for attribute in self
                .attributes(&format!("/{COLUMN_TYPE}{kind}AttributeMetadata{query}"))
                .await?
            {
                if let Some(facts) = columns.get_mut(&attribute.logical_name) {
                    facts.most = attribute.max_length;
                    let values = |set: OptionSet| set.options.iter().map(|choice| choice.value).collect();
                    facts.values = attribute.option_set.map(values);
                }
            }
        }
        Ok(columns)
    }

    async fn attributes(&self, rest: &str) -> Result<Vec<Attribute>, Failure> {
        let list: List<Attribute> = self
            .read(format!("{LEAD}/Attributes{rest}"), "look at the columns of lead")
            .await?;
        Ok(list.value)
    }

    /// Every alternate key of the lead table.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyFacts>, Failure> {
        let select = "$select=SchemaName,LogicalName,KeyAttributes,EntityKeyIndexStatus";
        let list: List<KeyFacts> = self
            .read(format!("{LEAD}/Keys?{select}"), "look at the keys of lead")
            .await?;
        Ok(list.value)
    }

    /// The key over our column alone.
    pub(crate) async fn our_key(&self) -> Result<Option<KeyFacts>, Failure> {
        let keys = self.keys().await?.into_iter();
        Ok(keys
            .into_iter()
            .find(|key| key.key_attributes == [self.key.column()]))
    }

    /// Whether a table remembers its changes.
    pub(crate) async fn tracking(&self, table: &str) -> Result<Tracking, Failure> {
        let select = "$select=LogicalName,ChangeTrackingEnabled,CanChangeTrackingBeEnabled";
        let path = format!("EntityDefinitions(LogicalName='{table}')?{select}");
        let facts: Value = self.read(path, &format!("look at table {table}")).await?;
        Ok(Tracking {
            enabled: facts["ChangeTrackingEnabled"] == true,
            possible: facts["CanChangeTrackingBeEnabled"]["Value"] != false,
        })
    }

    /// Whether calls for data know these columns: new ones take a while to be seen.
    pub(crate) async fn sees(&self, columns: &[&str]) -> Result<bool, Failure> {
        let operation = Operation::get(format!("leads?$top=1&$select={}", columns.join(",")));
        match self.send(&operation, "look at a lead").await {
            Ok(_) => Ok(true),
            Err(failure) if failure.blames_the_payload() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Makes a column; one that is there already is as good.
    pub(crate) async fn make_column(
        &self,
        name: &str,
        label: &str,
        kind: Kind,
        solution: Option<&str>,
    ) -> Result<(), Failure> {
        if self.columns().await?.contains_key(name) {
            return Ok(());
        }
        let mut body = definition(&schema_name(name), label);
        let (type_name, more) = match kind {
            Kind::Moment => ("DateTime", json!({ "Format": "DateAndTime" })),
            Kind::Day => (
                "DateTime",
                json!({ "Format": "DateOnly", "DateTimeBehavior": { "Value": "DateOnly" } }),
            ),
            Kind::Decimal => (
                "Decimal",
                json!({ "Precision": 2, "MinValue": -MOST_DECIMAL, "MaxValue": MOST_DECIMAL }),
            ),
            Kind::Whole => ("Integer", json!({ "Format": "None" })),
            Kind::Flag => (
                "Boolean",
                json!({ "OptionSet": {
                    "TrueOption": { "Value": 1, "Label": self::label("Yes") },
                    "FalseOption": { "Value": 0, "Label": self::label("No") },
                } }),
            ),
            Kind::Text(units) => (
                "String",
                json!({ "FormatName": { "Value": "Text" }, "MaxLength": units }),
            ),
            Kind::Choice | Kind::Any => (
                "String",
                json!({ "FormatName": { "Value": "Text" }, "MaxLength": 200 }),
            ),
        };
        body.insert(
            "@odata.type".to_owned(),
            format!("{COLUMN_TYPE}{type_name}AttributeMetadata").into(),
        );
        body.insert("RequiredLevel".to_owned(), json!({ "Value": "None" }));
        body.extend(more.as_object().cloned().unwrap_or_default());
        let operation = Operation::post(format!("{LEAD}/Attributes"), &body.into());
        self.change(within(operation, solution), "make a column").await
    }

    /// Makes the alternate key; one over the same column is as good.
    pub(crate) async fn make_key(&self, name: &str, solution: Option<&str>) -> Result<(), Failure> {
        if self.our_key().await?.is_some() {
            return Ok(());
        }
        let mut body = definition(name, "Marketplace lead key");
        body.insert("KeyAttributes".to_owned(), json!([self.key.column()]));
        let operation = Operation::post(format!("{LEAD}/Keys"), &body.into());
        self.change(within(operation, solution), "make the alternate key")
            .await
    }

    /// Lets a table remember its changes, for good.
    pub(crate) async fn track(&self, table: &str) -> Result<(), Failure> {
        let path = format!("EntityDefinitions(LogicalName='{table}')");
        let doing = format!("switch change tracking on for {table}");
        let mut definition: Map<String, Value> = self.read(path.clone(), &doing).await?;
        if definition.get("ChangeTrackingEnabled") == Some(&Value::Bool(true)) {
            return Ok(());
        }
        definition.insert("ChangeTrackingEnabled".to_owned(), true.into());
        definition.remove("@odata.context");
        let operation = Operation {
            method: Method::PUT,
            ..Operation::post(path, &definition.into())
        };
        self.change(operation.header("mscrm.mergelabels", "true"), &doing)
            .await
    }

    async fn read<T: DeserializeOwned>(&self, path: String, doing: &str) -> Result<T, Failure> {
        let operation = Operation::get(path).header("consistency", "Strong");
        let answer = self.send(&operation, doing).await?;
        serde_json::from_slice(answer.body()).map_err(|_| Failure::unreadable(doing))
    }

    /// Changes metadata as soon as nobody else does.
    async fn change(&self, operation: Operation, doing: &str) -> Result<(), Failure> {
        for _ in 0..TURNS {
            match self.send(&operation, doing).await {
                Err(failure) if failure.is_somebody_elses_turn() => self.clock.rest(TURN).await,
                outcome => return outcome.map(|_: Response| ()),
            }
        }
        self.send(&operation, doing).await.map(|_| ())
    }
}

fn within(mut operation: Operation, solution: Option<&str>) -> Operation {
    let name = HeaderName::from_static("mscrm.solutionuniquename");
    let solution = solution.and_then(|solution| HeaderValue::from_str(solution).ok());
    operation
        .headers
        .extend(solution.map(|solution| (name, solution)));
    operation
}

fn definition(schema_name: &str, text: &str) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("SchemaName".to_owned(), schema_name.into());
    body.insert("DisplayName".to_owned(), label(text));
    body
}

fn label(text: &str) -> Value {
    json!({
        "@odata.type": "Microsoft.Dynamics.CRM.Label",
        "LocalizedLabels": [{
            "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel",
            "Label": text,
            "LanguageCode": 1033,
        }],
    })
}

/// `lsync_offer` becomes `lsync_Offer`; the logical name is always the lower-case form of it.
fn schema_name(logical: &str) -> String {
    let (prefix, rest) = logical.split_once('_').unwrap_or(("", logical));
    let mut letters = rest.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{prefix}_{first}{}", letters.as_str())
}
