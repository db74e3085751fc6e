//! What a referral consists of, what fits into each part, and who may write it (contract partner-center 5).

use serde_json::{Map, Number, Value};

use super::moment;

/// What fits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    Moment,
    Words(&'static [&'static str]),
    Object(&'static [Field]),
    List(&'static Kind),
    Any,
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The service alone writes it.
    pub(super) service: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        service: false,
    }
}

const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}

const fn served(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        service: true,
    }
}

/// All there is to a referral.
pub(super) const REFERRAL: &[Field] = &[
    served("id", Kind::Text),
    served("engagementId", Kind::Text),
    text("name"),
    served("organizationId", Kind::Text),
    served("organizationName", Kind::Text),
    text("externalReferenceId"),
    served("createdDateTime", Kind::Moment),
    served("updatedDateTime", Kind::Moment),
    served("expirationDateTime", Kind::Moment),
    served("acceptedDateTime", Kind::Moment),
    served("closedDateTime", Kind::Moment),
    field("status", Kind::Words(&["New", "Active", "Closed"])),
    field("substatus", Kind::Words(SUBSTATUS)),
    text("statusReason"),
    field(
        "qualification",
        Kind::Words(&["None", "Direct", "MarketingQualified", "SalesQualified"]),
    ),
    field("type", Kind::Words(&["Independent", "Shared"])),
    served("direction", Kind::Text),
    served("referralSource", Kind::Text),
    served("callToAction", Kind::Text),
    served("eTag", Kind::Text),
    field("favorite", Kind::Flag),
    text("campaignId"),
    text("salesStage"),
    served("quality", Kind::Text),
    served("isSpam", Kind::Flag),
    served("mpnId", Kind::Text),
    text("referralProgram"),
    served("dealSensitivity", Kind::Text),
    text("createdVia"),
    text("lastModifiedVia"),
    field("lastRunId", Kind::Any),
    field("tags", Kind::List(&Kind::Text)),
    served("registrationStatus", Kind::Text),
    field("target", Kind::List(&Kind::Object(TARGET))),
    field("customerProfile", Kind::Object(CUSTOMER)),
    field("consent", Kind::Object(CONSENT)),
    field("details", Kind::Object(DETAILS)),
    field("team", Kind::List(&Kind::Object(MEMBER))),
    field("inviteContext", Kind::Object(INVITE)),
    served("links", Kind::Any),
    served("trackingInfo", Kind::Any),
    field("registrations", Kind::List(&Kind::Object(REGISTRATION))),
    served("exception", Kind::Any),
    text("customerMarketplaceIntent"),
    text("partnerRole"),
    text("solutionArea"),
    text("solutionPlay"),
];

const SUBSTATUS: &[&str] = &[
    "Pending", "Received", "Accepted", "Engaged", "Won", "Lost", "Declined", "Expired", "Error",
];
const TARGET: &[Field] = &[
    field(
        "type",
        Kind::Words(&["None", "BusinessProfileLocation", "SolutionProfile"]),
    ),
    text("id"),
];
const CUSTOMER: &[Field] = &[
    text("name"),
    text("size"),
    field("isMatchingComplete", Kind::Flag),
    field("address", Kind::Object(ADDRESS)),
    field("team", Kind::List(&Kind::Object(MEMBER))),
    field(
        "ids",
        Kind::List(&Kind::Object(&[text("profileType"), text("id")])),
    ),
];
const ADDRESS: &[Field] = &[
    text("addressLine1"),
    text("addressLine2"),
    text("city"),
    text("state"),
    text("postalCode"),
    text("country"),
    text("region"),
];
const MEMBER: &[Field] = &[
    text("firstName"),
    text("lastName"),
    text("phoneNumber"),
    text("email"),
    text("title"),
    field(
        "contactPreference",
        Kind::Object(&[text("locale"), field("disableNotifications", Kind::Flag)]),
    ),
];
/// The double "To" is real.
const CONSENT: &[Field] = &[
    field("consentToToShareInfoWithOthers", Kind::Flag),
    field("consentToContact", Kind::Flag),
    field("consentToShareReferralWithMicrosoftSellers", Kind::Flag),
];
const DETAILS: &[Field] = &[
    text("notes"),
    field("dealValue", Kind::Number),
    text("currency"),
    field("closingDateTime", Kind::Moment),
    field("customerRequestedContact", Kind::Flag),
    text("customerAction"),
    text("incentiveLevel"),
    field("requirements", Kind::Object(REQUIREMENTS)),
];
const REQUIREMENTS: &[Field] = &[
    field("industries", Kind::List(&Kind::Object(&[text("id")]))),
    field("products", Kind::List(&Kind::Object(&[text("id")]))),
    field("services", Kind::List(&Kind::Object(&[text("id")]))),
    field("solutions", Kind::List(&Kind::Object(SOLUTION))),
    field("offers", Kind::List(&Kind::Any)),
    field("salesPlays", Kind::List(&Kind::Any)),
    field("additionalRequirements", Kind::Any),
];
const SOLUTION: &[Field] = &[
    text("id"),
    text("name"),
    field("type", Kind::Words(&["None", "Category", "Name"])),
    field("price", Kind::Number),
    field("quantity", Kind::Number),
    text("currency"),
    text("publisherName"),
    text("solutionType"),
    field("closingDateTime", Kind::Moment),
];
const INVITE: &[Field] = &[
    text("notes"),
    text("assistanceRequestCode"),
    text("invitedMpnId"),
    field(
        "invitedBy",
        Kind::Object(&[text("organizationId"), text("organizationName")]),
    ),
];
const REGISTRATION: &[Field] = &[
    served("id", Kind::Text),
    text("type"),
    served("registrationDateTime", Kind::Moment),
    served("status", Kind::Text),
    served("statusReason", Kind::Text),
    field("contract", Kind::Any),
    field("solutionDetails", Kind::List(&Kind::Any)),
    served("statusHistory", Kind::Any),
];

/// A member of a referral itself.
pub(super) fn top(name: &str) -> Option<&'static Field> {
    REFERRAL.iter().find(|field| field.name == name)
}

/// What fits at the end of a path, and whether the service alone writes there.
pub(super) fn at<S: AsRef<str>>(path: &[S]) -> Option<(Kind, bool)> {
    let mut kind = Kind::Object(REFERRAL);
    let mut service = false;
    for step in path {
        let step = step.as_ref();
        kind = match kind {
            Kind::Object(fields) => {
                let field = fields.iter().find(|field| field.name == step)?;
                service |= field.service;
                field.kind
            }
            Kind::List(of) if step == "-" || step.parse::<usize>().is_ok() => *of,
            Kind::Any => Kind::Any,
            _ => return None,
        };
    }
    Some((kind, service))
}

/// The value as the service keeps it, or what is wrong with it. Members nobody knows are left out and noted.
pub(super) fn fit(kind: Kind, value: &Value, at: &str, notes: &mut Vec<String>) -> Result<Value, String> {
    match (kind, value) {
        (Kind::Words(_), Value::Null) => Err(format!("{at} cannot be null")),
        (Kind::Any, _) | (_, Value::Null) | (Kind::Text, Value::String(_)) | (Kind::Flag, Value::Bool(_)) => {
            Ok(value.clone())
        }
        (Kind::Words(words), Value::String(word)) if words.contains(&word.as_str()) => Ok(value.clone()),
        (Kind::Number, Value::Number(number)) if number.as_f64() >= Some(0.0) => Ok(value.clone()),
        // The documented change writes the number as text.
        (Kind::Number, Value::String(digits)) => {
            number(digits).ok_or_else(|| format!("{at} is not a number"))
        }
        (Kind::Moment, Value::String(written)) => {
            let read = moment::read(written).ok_or_else(|| format!("{at} is not a time"))?;
            Ok(moment::write(moment::whole_ticks(read)).into())
        }
        (Kind::Object(fields), Value::Object(members)) => object(fields, members, at, notes),
        (Kind::List(of), Value::Array(items)) => {
            let fitted = items.iter().map(|item| fit(*of, item, at, notes));
            fitted.collect::<Result<Vec<_>, _>>().map(Value::from)
        }
        _ => Err(format!("the value of {at} does not fit")),
    }
}

fn object(
    fields: &[Field],
    members: &Map<String, Value>,
    at: &str,
    notes: &mut Vec<String>,
) -> Result<Value, String> {
    let known = |name: &str| fields.iter().any(|field| field.name == name);
    for name in members.keys().filter(|name| !known(name)) {
        notes.push(format!("{at} has a member nobody knows, {name}: it is lost"));
    }
    let mut whole = Map::new();
    for field in fields {
        let value = members.get(field.name).unwrap_or(&Value::Null);
        let optional = matches!(field.kind, Kind::Words(_)) && value.is_null();
        let path = format!("{at}/{}", field.name);
        let fitted = if optional {
            Value::Null
        } else {
            fit(field.kind, value, &path, notes)?
        };
        whole.insert(field.name.to_owned(), fitted);
    }
    Ok(whole.into())
}

fn number(digits: &str) -> Option<Value> {
    if let Ok(whole) = digits.parse::<u64>() {
        return Some(whole.into());
    }
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number = plain.then(|| digits.parse::<f64>().ok()).flatten()?;
    Number::from_f64(number).map(Value::from)
}
