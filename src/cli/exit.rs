//! How a command ends when it does not end well.

use std::process::ExitCode;

use crate::app::StartError;
use crate::config::Diagnostics;
use crate::store::StoreError;
use crate::store::sqlite::{BackupError, LockError, OpenError, RestoreError};

use super::screen;

/// The exit codes, as told by `--help`.
pub(super) const HELP: &str = "\
Exit codes:
  0   done
  1   it could not be done; the message says why
  2   wrong arguments
  3   provision: something is left to do by hand; it is told what and how
  4   provision: something is missing, or not usable yet; authorize: nobody signed in in time;
      referral: it is ordered, and not done yet; clocks --fail-overdue: a clock is overdue;
      canary: it did not arrive, or could not be taken away;
      forget: something is left; the message says what, and to run it again;
      plan: a lead would become a dead letter that does not now; audit: the two sides differ
  66  what was asked for does not exist; restore: the file is no backup this leadsync can use
  69  the other side does not answer, or a connector cannot be used; ctl: no daemon answers
  73  the state directory cannot be used; backup: the file cannot be written, or exists
  74  the store is lost or damaged: stop, look at the disk, restore a backup
  75  another daemon uses the store, or the daemon is starting or stopping; try again later
  77  provision, authorize, referral, ctl: it was refused; the message says why, or whose rights are missing
  78  the config is wrong; file, line and key are named";

/// Why a command failed, and the code it ends with.
#[derive(Debug)]
pub struct Exit {
    code: u8,
    message: String,
    details: Option<serde_json::Value>,
}

impl Exit {
    /// It could not be done.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::with(1, message)
    }

    /// The arguments do not go together.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::with(2, message)
    }

    /// What was asked for does not exist.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::with(66, message)
    }

    /// The other side does not answer.
    pub(super) fn unanswered(message: impl Into<String>) -> Self {
        Self::with(69, message)
    }

    /// A person has to do the rest.
    pub(super) fn by_hand(message: impl Into<String>) -> Self {
        Self::with(3, message)
    }

    /// It is not finished.
    pub(super) fn unfinished(message: impl Into<String>) -> Self {
        Self::with(4, message)
    }

    /// The config is wrong.
    pub(super) fn misconfigured(message: impl Into<String>) -> Self {
        Self::with(78, message)
    }

    /// The other side does not let us.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::with(77, message)
    }

    /// Not now.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::with(75, message)
    }

    /// What has to be kept cannot be kept.
    pub(super) fn unkept(message: impl Into<String>) -> Self {
        Self::with(73, message)
    }

    /// The store is gone or damaged.
    pub(super) fn lost(message: impl Into<String>) -> Self {
        Self::with(74, message)
    }

    fn with(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
        }
    }

    /// Tells the operator and gives the code.
    pub(super) fn say(self, json: bool) -> ExitCode {
        if json {
            let details = self.details.unwrap_or(serde_json::Value::Null);
            let answer =
                serde_json::json!({ "error": self.message, "exit_code": self.code, "details": details });
            screen::complain(&answer.to_string());
        } else {
            screen::complain(&self.message);
        }
        ExitCode::from(self.code)
    }
}

impl From<Diagnostics> for Exit {
    fn from(diagnostics: Diagnostics) -> Self {
        let message = if screen::errors_are_read_by_a_person() {
            diagnostics.fancy()
        } else {
            diagnostics.to_string()
        };
        Self {
            code: 78,
            message,
            details: Some(diagnostics.to_json()),
        }
    }
}

impl From<OpenError> for Exit {
    fn from(error: OpenError) -> Self {
        let code = match &error {
            OpenError::Lock(LockError::Held(_)) => 75,
            OpenError::Lock(LockError::Io { .. }) | OpenError::Network { .. } => 73,
            OpenError::Schema(_)
            | OpenError::Damaged { .. }
            | OpenError::HalfRestored(_)
            | OpenError::Gone { .. } => 74,
            OpenError::Sqlite { .. } => 1,
        };
        Self::with(code, screen::chain(&error))
    }
}

impl From<StartError> for Exit {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => error.into(),
            StartError::Answer(error) => error.into(),
            StartError::StateDirectory { .. } => Self::with(73, error.to_string()),
        }
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Lost(_) => Self::lost(error.to_string()),
            StoreError::Busy => Self::with(75, "the store is busy: try again"),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<BackupError> for Exit {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Unusable { .. } => 66,
            BackupError::Damaged { .. } => 74,
            BackupError::Exists(_) | BackupError::Io { .. } => 73,
            BackupError::Sqlite(_) => 1,
        };
        Self::with(code, screen::chain(&error))
    }
}

impl From<RestoreError> for Exit {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Open(error) => error.into(),
            RestoreError::Backup(error) => error.into(),
            RestoreError::Store(error) => error.into(),
        }
    }
}

impl From<std::io::Error> for Exit {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
