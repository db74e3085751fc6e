//! Alternate keys: usable some time after they were asked for (contract dynamics365 17.3, 17.4).

/// A table may have so many.
pub(in crate::dataverse) const MOST_KEYS: usize = 10;

/// An alternate key.
#[derive(Clone, Debug)]
pub(in crate::dataverse) struct AlternateKey {
    /// Its logical name.
    pub(in crate::dataverse) name: String,
    /// Its schema name.
    pub(in crate::dataverse) schema: String,
    /// The name for people.
    pub(in crate::dataverse) label: String,
    /// Its columns, in order.
    pub(in crate::dataverse) columns: Vec<String>,
    /// The id of its definition.
    pub(in crate::dataverse) metadata: String,
    /// How far its index is.
    pub(in crate::dataverse) status: IndexStatus,
}

/// How far the index of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dataverse) enum IndexStatus {
    /// Asked for at the first time, ready at the second; in progress from half-way on.
    Building(i64, i64),
    /// In use.
    Active,
    /// Rows with equal values stood in its way.
    Failed,
}

impl IndexStatus {
    /// The word for it.
    pub(in crate::dataverse) fn word(self, now: i64) -> &'static str {
        match self {
            Self::Building(from, until) if now - from < until - now => "Pending",
            Self::Building(..) => "InProgress",
            Self::Active => "Active",
            Self::Failed => "Failed",
        }
    }
}

impl AlternateKey {
    /// Whether rows can be found by it.
    pub(in crate::dataverse) fn is_active(&self) -> bool {
        self.status == IndexStatus::Active
    }

    /// Whether these names are its columns, in any order.
    pub(in crate::dataverse) fn is_of(&self, names: &[&str]) -> bool {
        names.len() == self.columns.len()
            && self.columns.iter().all(|column| names.contains(&column.as_str()))
    }
}
