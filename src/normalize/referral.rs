//! A referral becomes a person, a touch, and what is kept of the referral itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector_kit::lead::{Intent, Person, Touch};
use connector_kit::referral::{
    Customer, Deal, Member, ReferralDocument, ReferralKind, ReferralState, STOREFRONT, read,
};
use connector_kit::{Referral, SourceName};

use super::body::Reason;
use super::person::{self, Written};
use super::{Rules, Understanding, Unreadable, moment, test_lead, text};
use crate::dedupe;
use crate::store::Arrival;

/// Reads a whole referral, as the connector fetched it.
pub(super) fn understand(arrival: &Arrival, rules: &Rules) -> Result<Understanding, Unreadable> {
    let ReferralDocument { referral, customer } =
        read::referral(&arrival.raw.body).map_err(|unreadable| Reason::NoReferral(unreadable.0))?;
    let referral = in_normal_form(referral);
    let believed = |said| moment::believed(Some(said), arrival.received_at);
    let person = person(&customer, believed(referral.updated_at));
    let touch = touch(&referral, &arrival.source, believed(referral.created_at));
    let test_lead = is_test(&person, &referral);
    let itself = dedupe::referral_identity(&arrival.account, &referral.id);
    let whom = dedupe::identity(&arrival.account, &person, &touch, rules.dedupe_by);
    Ok(Understanding {
        account: arrival.account.clone(),
        person,
        touch,
        referral: Some(referral),
        identity_keys: [itself].into_iter().chain(whom.filter(|_| !test_lead)).collect(),
        received_at: arrival.received_at,
        test_lead,
        canary: None,
        unknown_members: 0,
        double_encoded: false,
    })
}

/// What a later version says of the person is newer than what an earlier one said.
fn person(customer: &Customer, at: DateTime<Utc>) -> Person {
    let contact = customer.contact();
    let written = Written {
        first_name: contact.map(|contact| contact.first_name.as_str()),
        last_name: contact.map(|contact| contact.last_name.as_str()),
        email: contact.map(|contact| contact.email.as_str()),
        phone: contact.map(|contact| contact.phone.as_str()),
        title: contact.map(|contact| contact.title.as_str()),
        country: Some(&customer.country),
        company: Some(&customer.company),
    };
    person::read(&written, at)
}

/// The touch is the beginning of the referral: every version of it is the same touch.
fn touch(referral: &Referral, source: &SourceName, at: DateTime<Utc>) -> Touch {
    let offer = referral.solutions.first().cloned().unwrap_or_default();
    let offer_title = if offer.is_empty() { &referral.name } else { "" };
    let action = match referral.kind.as_str() {
        "" => "other",
        word => word,
    };
    Touch {
        at,
        source: source.clone(),
        storefront: STOREFRONT.to_owned(),
        action: action.to_owned(),
        lead_source: String::new(),
        action_code: String::new(),
        offer_title: offer_title.to_owned(),
        offer,
        publisher: String::new(),
        description: referral.deal.notes.clone(),
        intent: intent(referral),
        dnc: forbids_contact(referral),
        extra: BTreeMap::new(),
        referral: Some(referral.version()),
    }
}

/// Who waits for an answer is hot: a customer who asked, and one Microsoft sent. Nobody waits once the
/// referral is closed, when we sent it, or when it is the other side of our deal.
fn intent(referral: &Referral) -> Intent {
    if !referral.is_open_to_us() {
        return Intent::Unknown;
    }
    match referral.kind {
        ReferralKind::CustomerInquiry | ReferralKind::MarketingQualified | ReferralKind::SalesQualified => {
            Intent::ContactMe
        }
        ReferralKind::CoSell | ReferralKind::Other(_) if referral.wants_contact => Intent::ContactMe,
        ReferralKind::CoSell | ReferralKind::Other(_) => Intent::Unknown,
    }
}

/// A "no" closes the gate where it is the customer's: in a referral that was sent to us about them.
///
/// A co-sell deal, and any referral of our own, is a record a partner or a seller typed in, for people
/// they work with already; its consent is a box of that form (contract partner-center 6.2, "Create"),
/// and no customer was asked. No sample holds a deal with a "no". A qualification no document names
/// counts as the customer's.
fn forbids_contact(referral: &Referral) -> bool {
    let is_theirs = referral.ours && referral.incoming && referral.kind != ReferralKind::CoSell;
    is_theirs && referral.consent.contact == Some(false)
}

/// The mark of a try-out, where a marketplace lead may carry it.
fn is_test(person: &Person, referral: &Referral) -> bool {
    let Person {
        first_name,
        last_name,
        email,
        company,
        title,
        ..
    } = person;
    let said = [first_name, last_name, email, company, title];
    let of_person = said.into_iter().flatten().map(|said| said.value.as_str());
    let of_deal = [referral.name.as_str(), referral.deal.notes.as_str()];
    of_person.chain(of_deal).any(test_lead::is_marked)
}

/// Every text of it as other texts of a lead are kept; the eTag goes back as it came.
fn in_normal_form(referral: Referral) -> Referral {
    let line = |text: &str| text::line(text).into_owned();
    // Written and read as the store does, so that a state that comes back is the same.
    let pair = format!(
        "{}/{}",
        line(referral.state.status()),
        line(referral.state.substatus())
    );
    Referral {
        engagement: line(&referral.engagement),
        state: ReferralState::from(pair),
        reason: line(&referral.reason),
        name: line(&referral.name),
        kind: match referral.kind {
            ReferralKind::Other(text) => ReferralKind::Other(line(&text)),
            kind => kind,
        },
        deal: Deal {
            currency: referral
                .deal
                .currency
                .map(|code| line(&code))
                .filter(|code| !code.is_empty()),
            notes: text::paragraph(&referral.deal.notes).into_owned(),
            ..referral.deal
        },
        external_reference: line(&referral.external_reference),
        campaign: line(&referral.campaign),
        team: referral.team.iter().map(member).collect(),
        help: line(&referral.help),
        msx_id: line(&referral.msx_id),
        solutions: referral
            .solutions
            .iter()
            .map(|id| line(id))
            .filter(|id| !id.is_empty())
            .collect(),
        ..referral
    }
}

fn member(member: &Member) -> Member {
    let line = |text: &str| text::line(text).into_owned();
    Member {
        first_name: line(&member.first_name),
        last_name: line(&member.last_name),
        email: line(&member.email),
        phone: line(&member.phone),
    }
}
