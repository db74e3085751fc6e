//! What they did: storefront, action, offer, and whether it forbids contact.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::SourceName;
use connector_kit::lead::{Intent, Touch};

use super::fields::{Fields, Member};
use super::lead_source::{self, canonical_action, forbids_contact};
use super::placeholder::is_placeholder;
use super::text;

/// The longest value of an unknown member that is kept.
const EXTRA_CAP_BYTES: usize = 1024;
/// The longest name of an unknown member.
const EXTRA_NAME_BYTES: usize = 128;

/// Reads everything that is not the customer.
pub(super) fn from_fields(fields: &Fields<'_>, source: &SourceName, at: DateTime<Utc>) -> Touch {
    let line = |member| fields.get(member).map(text::line).unwrap_or_default();
    let lead_source = line(Member::LeadSource);
    let action_code = line(Member::ActionCode);
    let offer_title = line(Member::OfferTitle);
    let said = lead_source::parse(&lead_source);
    let says_action = !is_placeholder(&action_code);
    let action = canonical_action(if says_action { &action_code } else { said.action });
    let offer = if is_placeholder(said.offer) {
        &offer_title
    } else {
        said.offer
    };
    Touch {
        at,
        source: source.clone(),
        storefront: said.source.to_owned(),
        action: action.to_owned(),
        offer: offer.to_owned(),
        publisher: publisher(said.offer).to_owned(),
        description: fields
            .get(Member::Description)
            .map(text::paragraph)
            .unwrap_or_default()
            .into_owned(),
        intent: intent(action),
        dnc: is_gated(fields),
        extra: extra(fields),
        referral: None,
        lead_source: lead_source.into_owned(),
        action_code: action_code.into_owned(),
        offer_title: offer_title.into_owned(),
    }
}

/// The gate reads the whole text, not the capped one: it must not be possible to hide behind length.
fn is_gated(fields: &Fields<'_>) -> bool {
    let gated = |member| fields.get(member).is_some_and(forbids_contact);
    gated(Member::LeadSource) || gated(Member::ActionCode)
}

/// The publisher in `publisher.offer`; empty for a display name.
fn publisher(offer: &str) -> &str {
    let id = offer
        .split_once('.')
        .filter(|_| !offer.contains(char::is_whitespace));
    id.map_or("", |(publisher, _)| publisher)
}

fn intent(action: &str) -> Intent {
    match action {
        "PLT" => Intent::ContactMe,
        "StartTestDrive" => Intent::Trial,
        "INS" | "Create" => Intent::Acquired,
        _ => Intent::Unknown,
    }
}

fn extra(fields: &Fields<'_>) -> BTreeMap<String, String> {
    let capped = |(name, value): &(String, String)| {
        let name = text::cut(&text::line(name), EXTRA_NAME_BYTES).to_owned();
        (name, text::capped(value, EXTRA_CAP_BYTES).into_owned())
    };
    fields
        .extra
        .iter()
        .map(capped)
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_is_named_by_an_id_only() {
        let table = [
            ("contoso.backup", "contoso"),
            ("a.b.c", "a"),
            ("Contoso 2.0 Suite", ""),
            ("Contoso", ""),
            (".x", ""),
            ("", ""),
        ];
        for (offer, expected) in table {
            assert_eq!(publisher(offer), expected, "{offer}");
        }
    }
}
