//! What is heard, in the order of a lead's way.

use chrono::{DateTime, Utc};
use connector_kit::lead::Intent;
use connector_kit::{
    DestinationName, ErrorKind, Lead, LeadId, Outcome, Referral, ReferralId, ReferralState, SourceName,
};

use crate::deliver::AttemptFate;
use crate::store::{Suppression, Understood};
use crate::syncback::Refusal;

/// One step of a lead's way, and when it was done.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub step: Step,
}

/// One step of a lead's way.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is on disk, and its sender heard 200.
    Accepted {
        /// Its number in the inbox.
        arrival: i64,
        /// The source it came through.
        source: String,
    },
    /// Nobody can read it; the bytes are in quarantine.
    Refused {
        /// What its sender heard.
        status: u16,
    },
    /// It was understood, and is a new lead, a touch of one, or a repeat.
    Understood {
        /// Which of the three.
        what: Understood,
        /// Who it is about.
        who: Who,
    },
    /// It goes nowhere.
    Suppressed {
        /// By which rule.
        why: Suppression,
        /// Who it is about.
        who: Who,
    },
    /// A destination was called.
    Called {
        /// Which.
        destination: DestinationName,
        /// What became of the delivery.
        fate: AttemptFate,
        /// Who has to change, when it failed.
        error: Option<ErrorKind>,
        /// Who it is about.
        who: Who,
    },
    /// A CRM said something new of a lead.
    Outcome {
        /// Which.
        source: SourceName,
        /// What it said.
        outcome: Box<Outcome>,
        /// Who it is about.
        who: Who,
    },
    /// A referral came in.
    Referred {
        /// The referral.
        referral: Box<Referral>,
        /// The source it came through.
        source: SourceName,
        /// Who it is about.
        who: Who,
    },
    /// What became of a referral cannot be reported, and a person has to act.
    Unreported {
        /// Which.
        referral: ReferralId,
        /// Where it should be reported to.
        sink: SourceName,
        /// Why not, and what to do.
        why: Refusal,
        /// Who it is about.
        who: Who,
    },
    /// A referral stands anew where it came from.
    Stands {
        /// Which.
        referral: ReferralId,
        /// The source it came through.
        source: SourceName,
        /// How.
        state: ReferralState,
        /// What it says, where that was heard.
        says: Option<Box<Referral>>,
        /// Who it is about.
        who: Who,
    },
}

/// A lead in a few words.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// Its id.
    pub lead: Option<LeadId>,
    /// Name and company.
    pub name: String,
    /// How far the customer went.
    pub intent: Intent,
}

impl Who {
    pub(super) fn of(lead: &Lead) -> Self {
        let person = &lead.person;
        let said = [&person.first_name, &person.last_name, &person.company];
        let [first, last, company] = said.map(|said| said.as_ref().map_or("", |said| said.value.as_str()));
        let name = match (first, last) {
            (one, other) if one == other => one.to_owned(),
            _ => format!("{first} {last}").trim().to_owned(),
        };
        let offer = lead.latest().map_or("", |touch| touch.offer_title.as_str());
        let shown = match (name.as_str(), company) {
            ("", "") => format!("nobody named ({offer})"),
            (one, "") | ("", one) => one.to_owned(),
            (one, other) if one == other => name,
            _ => format!("{name}, {company}"),
        };
        Self {
            lead: Some(lead.id),
            name: shown,
            intent: lead.intent,
        }
    }
}
