//! Bytes become a person and a touch; nothing is lost, nothing is invented.
//!
//! The room is pure: no clock, no store, no network. Read it in the order a body is read: the
//! document ([`body`]), its members (`fields`), and then each field in normal form.

// 1. The document, before and after custody.
pub mod body;
mod fields;
mod value;

// 2. What was done, and with which offer.
pub mod lead_source;
mod moment;
mod referral;
mod test_lead;
mod touch;

// 3. Who did it.
pub mod country;
mod country_table;
pub mod email;
pub mod mentions;
mod person;
pub mod phone;
pub mod placeholder;
pub mod text;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::lead::{Person, Touch};
use connector_kit::{CanaryMark, RawFormat, Referral};

pub use body::{BodyLimits, Reason, Unreadable, check_body};

use crate::dedupe::{self, DedupeBy};
use crate::store::{Arrival, Identity};
use fields::Fields;
use person::Written;

/// What the operator decided about reading.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How much a body may hold.
    pub limits: BodyLimits,
    /// What makes two leads the same lead.
    pub dedupe_by: DedupeBy,
}

/// An arrival, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understanding {
    /// The publisher it belongs to.
    pub account: AccountName,
    /// Who it is.
    pub person: Person,
    /// What they did.
    pub touch: Touch,
    /// The referral it came with.
    pub referral: Option<Referral>,
    /// Under which keys it is merged with others, the one that counts most first; none for a lead that
    /// is never merged.
    pub identity_keys: Vec<Identity>,
    /// When it was taken into custody.
    pub received_at: DateTime<Utc>,
    /// Microsoft sent it to try the connection.
    pub test_lead: bool,
    /// The mark of a canary that it carries. It counts only where it was announced: a test lead with a mark
    /// of somebody else's making is a test lead.
    pub canary: Option<CanaryMark>,
    /// Members no published schema knows, kept ones and others.
    pub unknown_members: u32,
    /// The object came inside a JSON string.
    pub double_encoded: bool,
}

/// Reads an arrival. What is readable but odd is understood as far as it goes; only a body that
/// holds no JSON object, or a referral without an id or a beginning, is refused.
pub fn understand(arrival: &Arrival, rules: &Rules) -> Result<Understanding, Unreadable> {
    match arrival.raw.format {
        RawFormat::Referral => referral::understand(arrival, rules),
        RawFormat::MarketplaceJson | RawFormat::MarketplaceRow => marketplace_lead(arrival, rules),
    }
}

fn marketplace_lead(arrival: &Arrival, rules: &Rules) -> Result<Understanding, Unreadable> {
    let document = body::document(&arrival.raw.body, &rules.limits)?;
    let fields = Fields::read(&document.text, arrival.raw.format)?;
    let at = happened_at(arrival, &fields);
    let test_lead = test_lead::is_test(&fields);
    let person = person::read(&Written::in_fields(&fields), at);
    let touch = touch::from_fields(&fields, &arrival.source, at);
    let identity = dedupe::identity(&arrival.account, &person, &touch, rules.dedupe_by);
    Ok(Understanding {
        account: arrival.account.clone(),
        person,
        touch,
        referral: None,
        identity_keys: identity.filter(|_| !test_lead).into_iter().collect(),
        received_at: arrival.received_at,
        test_lead,
        canary: fields
            .get(fields::Member::Email)
            .filter(|_| test_lead)
            .and_then(CanaryMark::in_address),
        unknown_members: fields.unknown,
        double_encoded: document.double_encoded,
    })
}

/// When the other side says it happened, as far as that can be believed.
fn happened_at(arrival: &Arrival, fields: &Fields<'_>) -> DateTime<Utc> {
    let created = || {
        fields
            .get(fields::Member::CreatedTime)
            .and_then(moment::created_time)
    };
    moment::believed(arrival.raw.occurred_at.or_else(created), arrival.received_at)
}
