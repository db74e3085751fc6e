//! Whether the other side is ready for leads: what is missing there, and what is wrong with the way.

// What `doctor` says of one thing, and the looks all connectors share.
mod check;
mod ending;
mod token;
mod way;

pub use check::{Check, Health, any_ill};
pub use ending::ending;
pub use token::{sign_in, token};
pub use way::Way;

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
    /// Somebody else has what there is only one of, and who. `provision --apply` leaves it to them; it is
    /// carried out, in this very state, only when told to take it over.
    Taken(String),
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
