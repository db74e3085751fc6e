//! One look of a doctor, and what it found.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::error::{ConnectorError, ErrorKind};

/// What one look of `doctor` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at: `dns`, `tls`, `token`, `scopes`, `quota`, `fields`, `key`, `clock`, ..
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found, in one sentence; never a secret or personal data.
    pub found: String,
    /// What a person should do; empty when nothing.
    pub remedy: String,
    /// When what was looked at ends by itself, such as a credential; none where it does not, or where
    /// nobody can tell.
    pub ends_at: Option<DateTime<Utc>>,
}

/// How a [`Check`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Well,
    /// Could not be looked at, because something before it failed or our rights do not reach.
    Unknown,
    /// Works, but not as it should.
    Ailing,
    /// Leads will not get through.
    Ill,
}

impl Health {
    /// The word on the line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Unknown => "skipped",
            Self::Ailing => "warning",
            Self::Ill => "failed",
        }
    }
}

impl Check {
    /// All is well.
    pub fn well(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            health: Health::Well,
            found: found.into(),
            remedy: String::new(),
            ends_at: None,
        }
    }

    /// What was looked at ends then.
    #[must_use]
    pub fn until(self, end: DateTime<Utc>) -> Self {
        Self {
            ends_at: Some(end),
            ..self
        }
    }

    /// It could not be looked at.
    pub fn unknown(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            health: Health::Unknown,
            ..Self::well(name, found)
        }
    }

    /// It works, but somebody should see to it.
    pub fn ailing(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            health: Health::Ailing,
            remedy: remedy.into(),
            ..Self::well(name, found)
        }
    }

    /// Leads will not get through until somebody sees to it.
    pub fn ill(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            health: Health::Ill,
            remedy: remedy.into(),
            ..Self::well(name, found)
        }
    }

    /// A call did not do what it should; the error knows the remedy, or its kind does.
    pub fn of_error(name: &'static str, error: &ConnectorError) -> Self {
        let remedy = error.hint_text().unwrap_or(match error.kind() {
            ErrorKind::Throttled => "wait: it asked us to slow down",
            ErrorKind::Unreachable | ErrorKind::Broken => {
                "try again in a while; if it stays so, ask those who run the other side"
            }
            ErrorKind::Unauthorized => "renew the credentials or their rights",
            ErrorKind::Conflict | ErrorKind::Rejected | ErrorKind::Misconfigured => {
                "make the config and the other side agree"
            }
        });
        // Releasing is for the daemon's destinations; here nothing is parked.
        let remedy = remedy.strip_suffix(", then release").unwrap_or(remedy);
        let health = if error.kind() == ErrorKind::Throttled {
            Health::Ailing
        } else {
            Health::Ill
        };
        Self {
            health,
            remedy: remedy.to_owned(),
            ..Self::well(name, format!("could not {error}"))
        }
    }
}

/// Whether leads will not get through.
pub fn any_ill(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.health == Health::Ill)
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.found)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_check_with_its_remedy_and_nothing_to_release() {
        let error = ConnectorError::new(ErrorKind::Unauthorized, "fetch a token from h: 401")
            .hint("renew the client secret, then release");
        let check = Check::of_error("token", &error);
        assert_eq!(
            check,
            Check::ill(
                "token",
                "could not fetch a token from h: 401",
                "renew the client secret"
            )
        );
    }

    #[test]
    fn only_a_plea_to_slow_down_is_less_than_an_illness() {
        let error = |kind| ConnectorError::new(kind, "read the limits");
        for kind in [
            ErrorKind::Unreachable,
            ErrorKind::Broken,
            ErrorKind::Conflict,
            ErrorKind::Rejected,
            ErrorKind::Unauthorized,
            ErrorKind::Misconfigured,
        ] {
            let check = Check::of_error("quota", &error(kind));
            assert_eq!(check.health, Health::Ill, "{kind:?}");
            assert!(!check.remedy.is_empty(), "{kind:?}");
        }
        let slow = Check::of_error("quota", &error(ErrorKind::Throttled));
        assert_eq!(slow.health, Health::Ailing);
    }
}
