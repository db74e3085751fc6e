//! The states of a referral: which pairs exist, and which lead to which (contract partner-center 6.1, 6.2).

use std::fmt;

use serde_json::Value;

use super::answer::Refusal;
use super::settings::{Required, Transitions};

/// A status with its substatus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage {
    /// `New`, `Active` or `Closed`.
    pub status: String,
    /// Such as `Pending`, `Accepted` or `Won`.
    pub substatus: String,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.status, self.substatus)
    }
}

impl Stage {
    /// A pair by its words.
    pub fn new(status: &str, substatus: &str) -> Self {
        Self {
            status: status.to_owned(),
            substatus: substatus.to_owned(),
        }
    }

    /// How a referral stands.
    pub(super) fn of(referral: &Value) -> Self {
        let word = |name: &str| referral[name].as_str().unwrap_or_default();
        Self::new(word("status"), word("substatus"))
    }

    /// Whether nothing can be changed any more.
    pub fn is_terminal(&self) -> bool {
        self.status == "Closed"
    }

    /// Whether nobody replied yet.
    pub fn is_new(&self) -> bool {
        self.status == "New"
    }

    fn words(&self) -> (&str, &str) {
        (&self.status, &self.substatus)
    }

    /// The substatus belongs to the status.
    fn is_a_pair(&self) -> bool {
        matches!(
            self.words(),
            ("New", "Pending" | "Received")
                | ("Active", "Accepted" | "Engaged")
                | ("Closed", "Won" | "Lost" | "Declined" | "Expired" | "Error")
        )
    }
}

/// Whether a partner may bring a referral from one pair to the other.
pub(super) fn allowed(from: &Stage, to: &Stage, how: Transitions) -> Result<(), Refusal> {
    if from.is_terminal() {
        return Err(Refusal::terminal(&from.to_string()));
    }
    let may = match how {
        Transitions::Lenient => {
            let onward = matches!(
                (from.status.as_str(), to.status.as_str()),
                ("New", "New" | "Active" | "Closed") | ("Active", "Active" | "Closed")
            );
            onward && to.is_a_pair()
        }
        Transitions::Strict => {
            from == to
                || matches!(
                    (from.words(), to.words()),
                    (("New", "Pending"), ("New", "Received"))
                        | (
                            ("New", _),
                            ("Active", "Accepted") | ("Closed", "Won" | "Lost" | "Declined")
                        )
                        | (("Active", _), ("Closed", "Won" | "Lost"))
                )
        }
    };
    if may {
        return Ok(());
    }
    Err(Refusal::illegal(&from.to_string(), &to.to_string()))
}

/// Whether the referral, as it would become, has what the change of state needs.
pub(super) fn complete(from: &Stage, to: &Stage, referral: &Value, how: Required) -> Result<(), Refusal> {
    if how == Required::AsTheApi || from == to {
        return Ok(());
    }
    let needed: &[&str] = match to.words() {
        ("Active", "Accepted") => &[
            "/name",
            "/details/dealValue",
            "/details/currency",
            "/details/closingDateTime",
        ],
        ("Closed", "Declined" | "Lost") => &["/statusReason"],
        _ => &[],
    };
    missing(referral, needed)
}

/// Refuses a referral in which one of these is absent, null or blank.
pub(super) fn missing(referral: &Value, needed: &[&str]) -> Result<(), Refusal> {
    let absent = |pointer: &&str| match referral.pointer(pointer) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    let missing: Vec<&str> = needed.iter().copied().filter(absent).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::required(&missing))
}
