//! Ids are distinct types, so that one cannot be passed for another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The public id of a lead: 32 lower-case hex digits, also the record key in every CRM.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LeadId(Uuid);

impl LeadId {
    /// An id that sorts by time: `millis` since 1970 and ten random bytes.
    pub fn new(millis: u64, random: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }

    /// The sixteen bytes as stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads the sixteen bytes back.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

impl fmt::Debug for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeadId({self})")
    }
}

impl From<LeadId> for String {
    fn from(id: LeadId) -> Self {
        id.to_string()
    }
}

/// The text is not 32 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("a lead id is 32 hexadecimal digits")]
pub struct InvalidLeadId;

impl FromStr for LeadId {
    type Err = InvalidLeadId;

    fn from_str(text: &str) -> Result<Self, InvalidLeadId> {
        Uuid::try_parse(text.trim()).map(Self).map_err(|_| InvalidLeadId)
    }
}

impl TryFrom<String> for LeadId {
    type Error = InvalidLeadId;

    fn try_from(text: String) -> Result<Self, InvalidLeadId> {
        text.parse()
    }
}

/// Makes a cheap-to-clone name type.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as the operator wrote it.
            pub fn new(name: impl AsRef<str>) -> Self {
                Self(Arc::from(name.as_ref()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

name!(
    /// The publisher a source belongs to; identity, dedupe, routes and budgets never cross it.
    AccountName
);
name!(
    /// A configured place leads come from; part of the intake URL.
    SourceName
);
name!(
    /// A configured place leads go to: the name of its file in `connectors.d`.
    DestinationName
);
