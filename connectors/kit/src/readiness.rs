//! Whether the other side is ready for leads: what is missing there, and what is wrong with the way.

use std::fmt;

/// One thing `provision` sees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The connector's own name for it, the same each time it is planned (`field Lead.X__c`).
    pub id: String,
    /// What it is, for a person: "custom field `Lead.Marketplace_Lead_Id__c`, Text(32), unique external id".
    pub what: String,
    /// How it stands now.
    pub state: StepState,
}

/// How a [`Step`] stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Done before.
    Present,
    /// Done, but not usable yet: the other side still works on it.
    Settling,
    /// To be done; `provision --apply` does it.
    Missing,
    /// Not to be done by us, or not with our rights: what a person does instead.
    ByHand(String),
}

/// Everything `provision` sees to, in the order in which it has to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// The least rights the connector needs in daily work, one per line, in the system's words.
    pub role: Vec<String>,
}

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
