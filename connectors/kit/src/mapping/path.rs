//! The places of a lead a mapping may name, resolved once at load.

mod referral;

use std::borrow::Cow;

use crate::delivery::{Gate, LeadDelivery};
use crate::lead::{FIELD_CAP_BYTES, Person, Said, Touch};
use crate::nearest::did_you_mean;

use super::item::Item;
use super::kind::ValueKind;
use referral::ReferralField;

/// A place in a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Id,
    Account,
    Revision,
    Intent,
    Hot,
    Dnc,
    FirstAt,
    LastAt,
    RevisedAt,
    Touches,
    Person(PersonField),
    Raw(PersonField),
    Touch(TouchField),
    Referral(ReferralField),
    /// A member of the newest touch that no published schema knows.
    Extra(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PersonField {
    FirstName,
    LastName,
    Email,
    Phone,
    Country,
    Company,
    Title,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TouchField {
    At,
    Source,
    Storefront,
    Action,
    LeadSource,
    ActionCode,
    Offer,
    Publisher,
    OfferTitle,
    Description,
    Intent,
    Dnc,
}

/// A value and whether it is in normal form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot<'a> {
    pub(super) item: Item<'a>,
    pub(super) normal: bool,
}

/// Every path but those of referrals and the open-ended `touch.extra.<name>`.
static KNOWN: [(&str, Path); 36] = [
    ("id", Path::Id),
    ("account", Path::Account),
    ("revision", Path::Revision),
    ("intent", Path::Intent),
    ("hot", Path::Hot),
    ("dnc", Path::Dnc),
    ("first_at", Path::FirstAt),
    ("last_at", Path::LastAt),
    ("revised_at", Path::RevisedAt),
    ("touches", Path::Touches),
    ("person.first_name", Path::Person(PersonField::FirstName)),
    ("person.last_name", Path::Person(PersonField::LastName)),
    ("person.email", Path::Person(PersonField::Email)),
    ("person.phone", Path::Person(PersonField::Phone)),
    ("person.country", Path::Person(PersonField::Country)),
    ("person.company", Path::Person(PersonField::Company)),
    ("person.title", Path::Person(PersonField::Title)),
    ("person.first_name.raw", Path::Raw(PersonField::FirstName)),
    ("person.last_name.raw", Path::Raw(PersonField::LastName)),
    ("person.email.raw", Path::Raw(PersonField::Email)),
    ("person.phone.raw", Path::Raw(PersonField::Phone)),
    ("person.country.raw", Path::Raw(PersonField::Country)),
    ("person.company.raw", Path::Raw(PersonField::Company)),
    ("person.title.raw", Path::Raw(PersonField::Title)),
    ("touch.at", Path::Touch(TouchField::At)),
    ("touch.source", Path::Touch(TouchField::Source)),
    ("touch.storefront", Path::Touch(TouchField::Storefront)),
    ("touch.action", Path::Touch(TouchField::Action)),
    ("touch.lead_source", Path::Touch(TouchField::LeadSource)),
    ("touch.action_code", Path::Touch(TouchField::ActionCode)),
    ("touch.offer", Path::Touch(TouchField::Offer)),
    ("touch.publisher", Path::Touch(TouchField::Publisher)),
    ("touch.offer_title", Path::Touch(TouchField::OfferTitle)),
    ("touch.description", Path::Touch(TouchField::Description)),
    ("touch.intent", Path::Touch(TouchField::Intent)),
    ("touch.dnc", Path::Touch(TouchField::Dnc)),
];

impl Path {
    /// Reads a path as the operator wrote it; the error says what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some((_, path)) = KNOWN.iter().find(|(name, _)| *name == text) {
            return Ok(path.clone());
        }
        if let Some((_, field)) = referral::KNOWN.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Referral(*field));
        }
        match text.strip_prefix("touch.extra.") {
            Some(name) if !name.is_empty() => Ok(Self::Extra(name.to_owned())),
            _ => {
                let of_referral = referral::KNOWN.iter().map(|(name, _)| *name);
                let names = KNOWN.iter().map(|(name, _)| *name).chain(of_referral);
                let names = names.chain(["touch.extra.<name>"]);
                Err(format!("a lead has no `{text}`{}", did_you_mean(text, names)))
            }
        }
    }

    /// Whether the value could help to contact the person, or is free text that might.
    ///
    /// Fail-safe: everything about the person counts, company and country included (a sole
    /// trader's company is a name), and so does every text whose content nobody has vouched for.
    pub(super) fn is_personal(&self) -> bool {
        match self {
            Self::Person(_) | Self::Raw(_) | Self::Extra(_) | Self::Touch(TouchField::Description) => true,
            Self::Referral(field) => field.is_personal(),
            _ => false,
        }
    }

    /// Whether it is empty for every lead without a referral.
    pub(super) fn is_of_referral(&self) -> bool {
        matches!(self, Self::Referral(_))
    }

    /// What kind of value it gives.
    pub(super) fn kind(&self) -> ValueKind {
        match self {
            Self::FirstAt | Self::LastAt | Self::RevisedAt | Self::Touch(TouchField::At) => ValueKind::Moment,
            Self::Hot | Self::Dnc | Self::Touch(TouchField::Dnc) => ValueKind::Flag,
            Self::Revision | Self::Touches => ValueKind::Whole,
            Self::Referral(field) => field.kind(),
            _ => ValueKind::Text,
        }
    }

    /// The value of this delivery.
    pub(super) fn read<'a>(&self, delivery: &'a LeadDelivery) -> Slot<'a> {
        let lead = &*delivery.lead;
        let item = match self {
            Self::Person(field) => return said(field.of(&lead.person)),
            Self::Raw(field) => field.of(&lead.person).map_or(Item::Empty, raw),
            Self::Touch(field) => lead.latest().map_or(Item::Empty, |touch| field.of(touch)),
            Self::Referral(field) => lead.referral().map_or(Item::Empty, |referral| field.of(referral)),
            Self::Extra(name) => lead
                .latest()
                .and_then(|touch| touch.extra.get(name))
                .map_or(Item::Empty, |text| Item::text(capped(text))),
            Self::Id => Item::text(lead.id.to_string()),
            Self::Account => Item::text(lead.account.as_str()),
            Self::Revision => Item::Whole(delivery.revision.into()),
            Self::Intent => Item::text(lead.intent.as_str()),
            Self::Hot => Item::Flag(lead.is_hot()),
            Self::Dnc => Item::Flag(lead.dnc || delivery.gate == Gate::DoNotContact),
            Self::FirstAt => Item::Moment(lead.first_at),
            Self::LastAt => Item::Moment(lead.last_at),
            Self::RevisedAt => Item::Moment(delivery.revised_at),
            Self::Touches => Item::Whole(i64::try_from(lead.touches.len()).unwrap_or(i64::MAX)),
        };
        Slot { item, normal: true }
    }
}

impl PersonField {
    fn of(self, person: &Person) -> Option<&Said> {
        match self {
            Self::FirstName => person.first_name.as_ref(),
            Self::LastName => person.last_name.as_ref(),
            Self::Email => person.email.as_ref(),
            Self::Phone => person.phone.as_ref(),
            Self::Country => person.country.as_ref(),
            Self::Company => person.company.as_ref(),
            Self::Title => person.title.as_ref(),
        }
    }
}

impl TouchField {
    fn of(self, touch: &Touch) -> Item<'_> {
        let text = match self {
            Self::At => return Item::Moment(touch.at),
            Self::Dnc => return Item::Flag(touch.dnc),
            Self::Intent => touch.intent.as_str(),
            Self::Source => touch.source.as_str(),
            Self::Storefront => &touch.storefront,
            Self::Action => &touch.action,
            Self::LeadSource => &touch.lead_source,
            Self::ActionCode => &touch.action_code,
            Self::Offer => &touch.offer,
            Self::Publisher => &touch.publisher,
            Self::OfferTitle => &touch.offer_title,
            Self::Description => &touch.description,
        };
        Item::text(capped(text))
    }
}

fn said(said: Option<&Said>) -> Slot<'_> {
    match said {
        Some(said) => Slot {
            item: Item::text(capped(&said.value)),
            normal: said.normal,
        },
        None => Slot {
            item: Item::Empty,
            normal: true,
        },
    }
}

fn raw(said: &Said) -> Item<'_> {
    Item::text(capped(said.raw.as_deref().unwrap_or(&said.value)))
}

/// The normal form is capped where it is made; this holds even if that were forgotten.
fn capped(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(&text[..text.floor_char_boundary(FIELD_CAP_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_told_to_the_operator() {
        let told = include_str!("../../../../docs/operations.md");
        let of_referral = referral::KNOWN.iter().map(|(name, _)| *name);
        for path in KNOWN.iter().map(|(name, _)| *name).chain(of_referral) {
            let leaf = path.trim_end_matches(".raw").rsplit('.').next().unwrap();
            assert!(told.contains(&format!("`{leaf}`")), "docs/operations.md: {path}");
        }
    }
}
