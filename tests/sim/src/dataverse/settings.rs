//! What differs between environments, and what nobody knows for certain (contract dynamics365 21).

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::limits::Limits;

/// How the environment behaves.
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// How many requests at a time `x-ms-dop-hint` recommends.
    pub(super) parallel: usize,
    /// How long a request takes before anything is done.
    pub(super) takes: Duration,
    /// Larger requests are refused with 413.
    pub(super) largest_request: usize,
    /// A delta token lives so many days.
    pub(super) delta_days: i64,
    /// Delta tokens of older versions are expired.
    pub(super) oldest_delta: u64,
    /// The status of the refusal of an expired token.
    pub(super) expired_delta_status: u16,
    /// Tables and columns of duplicate detection rules.
    pub(super) duplicate_rules: Vec<(String, Vec<String>)>,
    /// The status of their refusal: 412 in newer documents, 500 in older ones.
    pub(super) duplicate_status: u16,
    /// A new key is `Active` after so many seconds.
    pub(super) key_takes: i64,
    /// Calls for data know a new column after so many seconds.
    pub(super) column_takes: i64,
    /// So many metadata changes are refused because another one is running.
    pub(super) customization_locks: usize,
    /// A bulk request that names a key twice is refused.
    pub(super) refuse_repeated_keys: bool,
    /// Closed leads take no changes of columns.
    pub(super) closed_rows_refuse: bool,
    /// A failed change set is answered by a part of its own in a `changesetresponse`.
    pub(super) nest_failed_change_set: bool,
    /// Privileges the application user lacks.
    pub(super) missing_privileges: BTreeSet<String>,
    /// Applications that are no user here.
    pub(super) strangers: HashSet<String>,
    /// A plug-in of the customer's refuses rows that contain this text, and says why.
    pub(super) plug_in: Option<(String, String)>,
    /// Keys the next upsert finds taken by somebody faster.
    pub(super) races: HashSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let missing = [
            "prvBypassCustomPlugins",
            "prvBypassCustomBusinessLogic",
            "prvActOnBehalfOfAnotherUser",
        ];
        Self {
            limits: Limits::default(),
            parallel: 4,
            takes: Duration::ZERO,
            largest_request: 100 << 20,
            delta_days: 7,
            oldest_delta: 0,
            expired_delta_status: 400,
            duplicate_rules: Vec::new(),
            duplicate_status: 412,
            key_takes: 0,
            column_takes: 0,
            customization_locks: 0,
            refuse_repeated_keys: true,
            closed_rows_refuse: false,
            nest_failed_change_set: false,
            missing_privileges: missing.map(str::to_owned).into(),
            strangers: HashSet::new(),
            plug_in: None,
            races: HashSet::new(),
        }
    }
}
