//! How a referral stands, and where it may go from there (contract partner-center 5.2, 6.1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Status and substatus, which are always changed together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ReferralState {
    /// `New/Pending`: nobody has looked.
    Pending,
    /// `New/Received`: somebody has looked.
    Received,
    /// `Active/Accepted`: somebody works on it.
    Accepted,
    /// `Active/Engaged`; no document says what it means: read like accepted.
    Engaged,
    /// `Closed/Won`
    Won,
    /// `Closed/Lost`
    Lost,
    /// `Closed/Declined`
    Declined,
    /// `Closed/Expired`, by the other side only.
    Expired,
    /// `Closed/Error`, by the other side only.
    Error,
    /// A pair no document names, as written; never written by us.
    Other {
        /// `status`
        status: String,
        /// `substatus`
        substatus: String,
    },
}

/// Every pair that is documented.
const KNOWN: [(&str, &str, ReferralState); 9] = [
    ("New", "Pending", ReferralState::Pending),
    ("New", "Received", ReferralState::Received),
    ("Active", "Accepted", ReferralState::Accepted),
    ("Active", "Engaged", ReferralState::Engaged),
    ("Closed", "Won", ReferralState::Won),
    ("Closed", "Lost", ReferralState::Lost),
    ("Closed", "Declined", ReferralState::Declined),
    ("Closed", "Expired", ReferralState::Expired),
    ("Closed", "Error", ReferralState::Error),
];

/// The coarse state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Waits for an answer.
    New,
    /// Somebody works on it.
    Active,
    /// For ever: nothing of it can be changed.
    Closed,
    /// Not documented: only looked at.
    Unknown,
}

impl ReferralState {
    /// Reads the pair, in any case of letters.
    pub fn read(status: &str, substatus: &str) -> Self {
        let named = |(one, two, _): &&(&str, &str, Self)| {
            one.eq_ignore_ascii_case(status) && two.eq_ignore_ascii_case(substatus)
        };
        KNOWN.iter().find(named).map_or_else(
            || Self::Other {
                status: status.to_owned(),
                substatus: substatus.to_owned(),
            },
            |(_, _, state)| state.clone(),
        )
    }

    /// `status`
    pub fn status(&self) -> &str {
        match self {
            Self::Other { status, .. } => status,
            known => known.pair().0,
        }
    }

    /// `substatus`
    pub fn substatus(&self) -> &str {
        match self {
            Self::Other { substatus, .. } => substatus,
            known => known.pair().1,
        }
    }

    fn pair(&self) -> (&'static str, &'static str) {
        let found = KNOWN.iter().find(|(_, _, state)| state == self);
        found.map_or(("", ""), |(status, substatus, _)| (*status, *substatus))
    }

    /// The coarse state. An unknown substatus leaves what its status says.
    pub fn phase(&self) -> Phase {
        let status = self.status();
        [
            ("New", Phase::New),
            ("Active", Phase::Active),
            ("Closed", Phase::Closed),
        ]
        .into_iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(status))
        .map_or(Phase::Unknown, |(_, phase)| phase)
    }

    /// Nothing of it can be changed any more, not even its notes.
    pub fn is_terminal(&self) -> bool {
        self.phase() == Phase::Closed
    }
}

impl fmt::Display for ReferralState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.status(), self.substatus())
    }
}

impl From<String> for ReferralState {
    fn from(text: String) -> Self {
        let (status, substatus) = text.split_once('/').unwrap_or((&text, ""));
        Self::read(status, substatus)
    }
}

impl From<ReferralState> for String {
    fn from(state: ReferralState) -> Self {
        state.to_string()
    }
}

/// A step we may take; every other change of state is the other side's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReferralMove {
    /// Somebody has looked at it.
    Acknowledge,
    /// Somebody works on it.
    Accept,
    /// Nobody will.
    Decline,
    /// Sold.
    Win,
    /// Not sold.
    Lose,
}

impl ReferralMove {
    /// Where it leads.
    pub fn target(self) -> ReferralState {
        match self {
            Self::Acknowledge => ReferralState::Received,
            Self::Accept => ReferralState::Accepted,
            Self::Decline => ReferralState::Declined,
            Self::Win => ReferralState::Won,
            Self::Lose => ReferralState::Lost,
        }
    }

    /// Whether it is legal from there. Stricter than the documented table where that is vague: a new
    /// referral is accepted before it is won or lost, and an active one is no longer declined.
    pub fn is_legal_from(self, state: &ReferralState) -> bool {
        match self {
            Self::Acknowledge => *state == ReferralState::Pending,
            Self::Accept | Self::Decline => state.phase() == Phase::New,
            Self::Win | Self::Lose => state.phase() == Phase::Active,
        }
    }

    /// The word in commands, logs and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Win => "win",
            Self::Lose => "lose",
        }
    }
}
