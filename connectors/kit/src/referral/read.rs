//! The bytes of a referral, read as far as they can be read (contract partner-center 5).
//!
//! Every member may be absent or null, names come in any case, and what no document names is left in
//! the bytes.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::plain::plain;
use super::{Consent, Deal, Member, Referral, ReferralId, ReferralKind, ReferralState};
use crate::lead::FIELD_CAP_BYTES;

/// More people or solutions than this are left in the bytes.
const LIST_MAX: usize = 50;
/// Microsoft's side of an engagement.
const MICROSOFT: &str = "msft";

/// A referral and its customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferralDocument {
    /// What is kept beside the lead.
    pub referral: Referral,
    /// What makes or joins the lead.
    pub customer: Customer,
}

/// The customer, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// The company's name.
    pub company: String,
    /// Mostly ISO alpha-2.
    pub country: String,
    /// The people, in the order written.
    pub contacts: Vec<Contact>,
}

impl Customer {
    /// Whom to talk to: the first with an address, else the first with a phone, else the first. Not the
    /// last, which is not the customer's own choice (contract partner-center 9.5).
    pub fn contact(&self) -> Option<&Contact> {
        let first = |wanted: fn(&Contact) -> bool| self.contacts.iter().find(|contact| wanted(contact));
        first(|contact| !contact.email.is_empty())
            .or_else(|| first(|contact| !contact.phone.is_empty()))
            .or_else(|| self.contacts.first())
    }
}

/// Somebody at the customer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Address.
    pub email: String,
    /// Phone.
    pub phone: String,
    /// Job title.
    pub title: String,
}

/// The bytes hold no referral. Names what is missing, never what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// Reads one referral.
pub fn referral(bytes: &[u8]) -> Result<ReferralDocument, Unreadable> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| Unreadable("this is not JSON"))?;
    let Value::Object(members) = value else {
        return Err(Unreadable("this is not a JSON object"));
    };
    let root = Object(&members);
    let id: ReferralId = root
        .text("id")
        .parse()
        .map_err(|_| Unreadable("the referral has no id"))?;
    let created_at = root
        .moment("createdDateTime")
        .ok_or(Unreadable("the referral does not say when it was made"))?;
    Ok(ReferralDocument {
        referral: Referral {
            id,
            engagement: root.text("engagementId"),
            state: ReferralState::read(&root.text("status"), &root.text("substatus")),
            reason: root.text("statusReason"),
            name: root.text("name"),
            kind: kind(&root),
            ours: !is_of_microsoft(&root),
            incoming: !root.text("direction").eq_ignore_ascii_case("outgoing"),
            etag: root.raw("eTag"),
            created_at,
            updated_at: root.moment("updatedDateTime").unwrap_or(created_at),
            expires_at: root.moment("expirationDateTime"),
            deal: deal(&root.object("details")),
            external_reference: root.text("externalReferenceId"),
            campaign: root.text("campaignId"),
            favourite: root.flag("favorite").unwrap_or_default(),
            wants_contact: root
                .object("details")
                .flag("customerRequestedContact")
                .unwrap_or_default(),
            consent: consent(&root.object("consent")),
            team: root
                .objects("team")
                .map(|member| person(&member).into())
                .collect(),
            help: root.object("inviteContext").text("assistanceRequestCode"),
            msx_id: root.object("trackingInfo").text("microsoftMsxId"),
            solutions: solutions(&root),
        },
        customer: customer(&root.object("customerProfile")),
    })
}

/// Microsoft's side of an engagement (contract partner-center 5.1, 6.4).
fn is_of_microsoft(root: &Object<'_>) -> bool {
    let is = |id: &str| id.eq_ignore_ascii_case(MICROSOFT);
    is(&root.text("organizationId")) || root.objects("target").any(|target| is(&target.text("id")))
}

fn kind(root: &Object<'_>) -> ReferralKind {
    let qualification = root.text("qualification");
    let is = |word: &str| qualification.eq_ignore_ascii_case(word);
    let invited_by = root
        .object("inviteContext")
        .object("invitedBy")
        .text("organizationId");
    let from_microsoft = invited_by.is_empty() || invited_by.eq_ignore_ascii_case(MICROSOFT);
    let independent = !root.text("type").eq_ignore_ascii_case("shared");
    match () {
        () if independent && is("Direct") => ReferralKind::CustomerInquiry,
        () if independent && from_microsoft && is("MarketingQualified") => ReferralKind::MarketingQualified,
        () if independent && from_microsoft && is("SalesQualified") => ReferralKind::SalesQualified,
        () if is("SalesQualified") || is("None") || qualification.is_empty() => ReferralKind::CoSell,
        () => ReferralKind::Other(qualification),
    }
}

fn deal(details: &Object<'_>) -> Deal {
    let value = match details.get("dealValue") {
        Some(Value::Number(number)) => number.to_string().parse().ok(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let currency = details.text("currency").to_ascii_uppercase();
    Deal {
        value,
        currency: Some(currency).filter(|currency| !currency.is_empty()),
        closes_at: details.moment("closingDateTime"),
        notes: details.text("notes"),
    }
}

/// The double "To" is real (contract partner-center 5.3).
fn consent(consent: &Object<'_>) -> Consent {
    Consent {
        contact: consent.flag("consentToContact"),
        share_with_others: consent
            .flag("consentToToShareInfoWithOthers")
            .or_else(|| consent.flag("consentToShareInfoWithOthers")),
        share_with_sellers: consent.flag("consentToShareReferralWithMicrosoftSellers"),
    }
}

fn solutions(root: &Object<'_>) -> Vec<String> {
    let requirements = root.object("details").object("requirements");
    let ids = requirements
        .objects("solutions")
        .map(|solution| solution.text("id"));
    ids.filter(|id| !id.is_empty()).collect()
}

fn customer(profile: &Object<'_>) -> Customer {
    let address = profile.object("address");
    Customer {
        company: profile.text("name"),
        country: address.text("country"),
        contacts: profile.objects("team").map(|member| person(&member)).collect(),
    }
}

fn person(member: &Object<'_>) -> Contact {
    Contact {
        first_name: member.text("firstName"),
        last_name: member.text("lastName"),
        email: member.text("email"),
        phone: member.text("phoneNumber"),
        title: member.text("title"),
    }
}

impl From<Contact> for Member {
    fn from(contact: Contact) -> Self {
        Self {
            first_name: contact.first_name,
            last_name: contact.last_name,
            email: contact.email,
            phone: contact.phone,
        }
    }
}

/// An object whose members are found in any case of letters; an absent one is empty.
struct Object<'a>(&'a Map<String, Value>);

/// Stands where a member is absent or not an object.
static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).or_else(|| {
            let mut members = self.0.iter();
            members
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
    }

    fn object(&self, name: &str) -> Object<'a> {
        match self.get(name) {
            Some(Value::Object(members)) => Object(members),
            _ => Object(&NOTHING),
        }
    }

    fn objects(&self, name: &str) -> impl Iterator<Item = Object<'a>> + use<'a> {
        let items = match self.get(name) {
            Some(Value::Array(items)) => items.as_slice(),
            _ => &[],
        };
        items
            .iter()
            .filter_map(|item| item.as_object().map(Object))
            .take(LIST_MAX)
    }

    fn raw(&self, name: &str) -> String {
        match self.get(name) {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// Trimmed, entities resolved, at most 4 KiB.
    fn text(&self, name: &str) -> String {
        let text = match self.get(name) {
            Some(Value::String(text)) => plain(text),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            _ => return String::new(),
        };
        let text = text.trim();
        text[..text.floor_char_boundary(FIELD_CAP_BYTES)]
            .trim_end()
            .to_owned()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    /// .NET writes 0 to 7 fractional digits (contract partner-center 0.15), and some times no zone.
    fn moment(&self, name: &str) -> Option<DateTime<Utc>> {
        let Value::String(text) = self.get(name)? else {
            return None;
        };
        let text = text.trim();
        DateTime::parse_from_rfc3339(text)
            .map(|at| at.with_timezone(&Utc))
            .or_else(|_| format!("{text}Z").parse())
            .ok()
    }
}
