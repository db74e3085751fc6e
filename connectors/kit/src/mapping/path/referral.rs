//! The places of a referral a mapping may name: those of the one made last, all empty without one.

use std::borrow::Cow;

use crate::lead::FIELD_CAP_BYTES;
use crate::mapping::item::Item;
use crate::mapping::kind::ValueKind;
use crate::referral::{Member, Referral};

use super::capped;

/// What stands between several values in one field.
const BETWEEN: &str = "; ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mapping) enum ReferralField {
    Id,
    State,
    Status,
    Substatus,
    Reason,
    Name,
    Kind,
    Value,
    Currency,
    ClosesOn,
    Notes,
    CreatedAt,
    UpdatedAt,
    AnswerDue,
    ExternalReference,
    Campaign,
    Favourite,
    WantsContact,
    ConsentToContact,
    SharedWithSellers,
    Team,
    Help,
    MsxId,
    Solutions,
}

/// Every one of them by its path.
pub(super) static KNOWN: [(&str, ReferralField); 24] = [
    ("referral.id", ReferralField::Id),
    ("referral.state", ReferralField::State),
    ("referral.status", ReferralField::Status),
    ("referral.substatus", ReferralField::Substatus),
    ("referral.reason", ReferralField::Reason),
    ("referral.name", ReferralField::Name),
    ("referral.kind", ReferralField::Kind),
    ("referral.value", ReferralField::Value),
    ("referral.currency", ReferralField::Currency),
    ("referral.closes_on", ReferralField::ClosesOn),
    ("referral.notes", ReferralField::Notes),
    ("referral.created_at", ReferralField::CreatedAt),
    ("referral.updated_at", ReferralField::UpdatedAt),
    ("referral.answer_due", ReferralField::AnswerDue),
    ("referral.external_reference", ReferralField::ExternalReference),
    ("referral.campaign", ReferralField::Campaign),
    ("referral.favourite", ReferralField::Favourite),
    ("referral.wants_contact", ReferralField::WantsContact),
    ("referral.consent_to_contact", ReferralField::ConsentToContact),
    ("referral.shared_with_sellers", ReferralField::SharedWithSellers),
    ("referral.team", ReferralField::Team),
    ("referral.help", ReferralField::Help),
    ("referral.msx_id", ReferralField::MsxId),
    ("referral.solutions", ReferralField::Solutions),
];

impl ReferralField {
    pub(super) fn of(self, referral: &Referral) -> Item<'_> {
        let text = match self {
            Self::State => return Item::text(referral.state.to_string()),
            Self::Value => {
                let value = referral.deal.value.as_ref();
                return value.map_or(Item::Empty, |value| Item::text(value.to_string()));
            }
            Self::ClosesOn => return referral.deal.closes_on().map_or(Item::Empty, Item::Day),
            Self::CreatedAt => return Item::Moment(referral.created_at),
            Self::UpdatedAt => return Item::Moment(referral.updated_at),
            Self::AnswerDue => return Item::Moment(referral.answer_due()),
            Self::Favourite => return Item::Flag(referral.favourite),
            Self::WantsContact => return Item::Flag(referral.wants_contact),
            Self::ConsentToContact => return flag(referral.consent.contact),
            Self::SharedWithSellers => return flag(referral.consent.share_with_sellers),
            Self::Team => return joined(referral.team.iter().map(address)),
            Self::Solutions => return joined(referral.solutions.iter().map(String::as_str)),
            Self::Id => referral.id.as_str(),
            Self::Status => referral.state.status(),
            Self::Substatus => referral.state.substatus(),
            Self::Kind => referral.kind.as_str(),
            Self::Reason => &referral.reason,
            Self::Name => &referral.name,
            Self::Currency => referral.deal.currency.as_deref().unwrap_or_default(),
            Self::Notes => &referral.deal.notes,
            Self::ExternalReference => &referral.external_reference,
            Self::Campaign => &referral.campaign,
            Self::Help => &referral.help,
            Self::MsxId => &referral.msx_id,
        };
        Item::text(capped(text))
    }

    pub(super) fn kind(self) -> ValueKind {
        match self {
            Self::Value => ValueKind::Decimal,
            Self::ClosesOn => ValueKind::Day,
            Self::CreatedAt | Self::UpdatedAt | Self::AnswerDue => ValueKind::Moment,
            Self::Favourite | Self::WantsContact | Self::ConsentToContact | Self::SharedWithSellers => {
                ValueKind::Flag
            }
            _ => ValueKind::Text,
        }
    }

    /// Whether it is about people, or text people wrote.
    pub(super) fn is_personal(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Notes | Self::Reason | Self::Team | Self::ExternalReference | Self::Campaign
        )
    }
}

fn flag(said: Option<bool>) -> Item<'static> {
    said.map_or(Item::Empty, Item::Flag)
}

fn address(member: &Member) -> &str {
    &member.email
}

/// As many of them as fit, whole, without the empty ones.
fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Item<'static> {
    let mut all = String::new();
    for text in texts.filter(|text| !text.is_empty()) {
        let between = if all.is_empty() { "" } else { BETWEEN };
        if all.len() + between.len() + text.len() > FIELD_CAP_BYTES {
            break;
        }
        all.push_str(between);
        all.push_str(text);
    }
    Item::text(Cow::Owned(all))
}
