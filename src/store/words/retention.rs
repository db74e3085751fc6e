//! Old data goes: which group of fields, and how far a portion of clearing away came.

use chrono::{DateTime, Utc};

/// A group of fields that is kept for a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldGroup {
    /// Bodies of arrivals that are understood, and of whose lead nothing is on its way.
    Raw,
    /// Bodies of arrivals that cannot be understood.
    Quarantined,
    /// Bodies that were refused at the door.
    Refused,
    /// What was answered to attempts that failed, of deliveries that are over.
    Answers,
    /// What CRMs said before.
    Outcomes,
    /// Who a lead is, where all is done with it.
    Persons,
}

impl FieldGroup {
    /// Every group, in the order they are cleared.
    pub const ALL: [Self; 6] = [
        Self::Raw,
        Self::Quarantined,
        Self::Refused,
        Self::Answers,
        Self::Outcomes,
        Self::Persons,
    ];

    /// The word in logs and numbers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
            Self::Answers => "answers",
            Self::Outcomes => "outcomes",
            Self::Persons => "persons",
        }
    }
}

/// A portion to look at: rows behind `after`, and what in them is older than `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// What may go.
    pub group: FieldGroup,
    /// What is newer stays.
    pub before: DateTime<Utc>,
    /// The last row looked at; 0 at the beginning.
    pub after: i64,
}

/// What came of a portion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Rows whose fields went.
    pub count: u64,
    /// Where to go on; none when there is no more.
    pub next: Option<i64>,
}
