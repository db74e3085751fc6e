//! The words an operator chooses from.

use connector_kit::secret::SecretRef;
use serde::Deserialize;

/// Duplicate rules can be answered by a header only from this version on (contract salesforce 1).
const OLDEST_VERSION: f64 = 52.0;

/// How we prove who we are.
#[derive(Debug, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Auth {
    /// An external client app with a run-as user.
    ClientCredentials {
        /// The consumer key.
        client_id: String,
        /// The consumer secret.
        client_secret: SecretRef,
    },
    /// An app that signs for a user.
    JwtBearer {
        /// The consumer key.
        client_id: String,
        /// The user it speaks for.
        username: String,
        /// PEM of the key whose certificate the app knows.
        private_key: SecretRef,
        /// Production and My Domain: `https://login.salesforce.com`.
        audience: Option<String>,
    },
}

/// `v62.0`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(try_from = "String")]
pub(crate) struct ApiVersion(String);

impl ApiVersion {
    /// `62.0`
    pub(crate) fn number(&self) -> &str {
        &self.0
    }
}

impl Default for ApiVersion {
    fn default() -> Self {
        Self("62.0".to_owned())
    }
}

impl TryFrom<String> for ApiVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_prefix('v').unwrap_or(&text);
        let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
        let digits =
            |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(major) || !digits(minor) {
            return Err(format!("{text:?} is not a version such as \"v62.0\""));
        }
        let number = format!("{major}.{minor}");
        if number.parse::<f64>().unwrap_or_default() < OLDEST_VERSION {
            return Err(format!(
                "{text:?} is too old: leadsync needs v{OLDEST_VERSION}.0 or newer"
            ));
        }
        Ok(Self(number))
    }
}

/// What to do when a duplicate rule objects to a new lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum DuplicateRule {
    /// Take the matching lead for ours; where there is none, save when the rule allows it.
    #[default]
    Link,
    /// Save although the rule warns.
    AllowSave,
    /// A dead letter, for a person to decide.
    Dead,
}

impl DuplicateRule {
    /// What becomes of a lead a rule objects to.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Link => "what they object to is linked to the matching lead",
            Self::AllowSave => "what they only warn of is saved",
            Self::Dead => "what they object to becomes a dead letter",
        }
    }
}

/// What to do with news of a lead that was converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnConverted {
    /// A task on the contact and the opportunity tells them.
    #[default]
    Task,
    /// The lead is closed; no more is sent.
    Stop,
}

/// When assignment rules run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Assignment {
    /// For new leads.
    #[default]
    OnCreate,
    /// Not at all.
    Never,
}

/// What to do about a field of the mapping that is not there or cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingFields {
    /// Park the destination and name the field.
    #[default]
    Refuse,
    /// Write the lead without it.
    LeaveOut,
}

/// The type of a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(try_from = "String")]
pub(crate) enum Column {
    /// `Text(255)`
    Text(u32),
    /// `LongTextArea(32768)`
    LongTextArea(u32),
    /// `Number(18,0)`
    Number(u8, u8),
    /// `Checkbox`
    Checkbox,
    /// `DateTime`
    DateTime,
    /// `Date`
    Date,
    /// `Url`
    Url,
}

impl TryFrom<String> for Column {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (name, sizes) = text.split_once('(').unwrap_or((&text, ")"));
        let sizes = sizes.strip_suffix(')').unwrap_or_default();
        let numbers: Vec<u32> = sizes
            .split(',')
            .filter_map(|size| size.trim().parse().ok())
            .collect();
        match (name.trim(), &numbers[..]) {
            ("Text", []) => Ok(Self::Text(255)),
            ("Text", [length @ 1..=255]) => Ok(Self::Text(*length)),
            ("LongTextArea", []) => Ok(Self::LongTextArea(32_768)),
            ("LongTextArea", [length @ 256..=131_072]) => Ok(Self::LongTextArea(*length)),
            ("Number", []) => Ok(Self::Number(18, 0)),
            ("Number", [digits @ 1..=18, scale]) if scale < digits => Ok(Self::Number(
                u8::try_from(*digits).unwrap_or(18),
                u8::try_from(*scale).unwrap_or(0),
            )),
            ("Checkbox", []) => Ok(Self::Checkbox),
            ("DateTime", []) => Ok(Self::DateTime),
            ("Date", []) => Ok(Self::Date),
            ("Url", []) => Ok(Self::Url),
            _ => Err(format!(
                "{text:?} is none of Text(1..255), LongTextArea(256..131072), Number(digits,scale), Checkbox, DateTime, Date, Url"
            )),
        }
    }
}
