//! The keys: who a lead is and what a touch is about, hashed.

use connector_kit::ids::AccountName;
use connector_kit::lead::{Person, Said, Touch};
use connector_kit::{LeadId, ReferralId};
use sha2::{Digest, Sha256};

use super::DedupeBy;
use crate::normalize::{Understanding, email, placeholder};
use crate::store::{Identity, InboxId, TouchKey};

/// Who a lead is: its e-mail address, else its phone and company. None when neither says who, and
/// then the lead is never merged.
pub fn identity(account: &AccountName, person: &Person, touch: &Touch, by: DedupeBy) -> Option<Identity> {
    let mut hash = Parts::new(b"identity");
    hash.add(account.as_str());
    if let Some(address) = own_address(person) {
        hash.add("email");
        hash.add(address);
    } else {
        let (phone, company) = phone_and_company(person)?;
        hash.add("phone");
        hash.add(phone);
        hash.add(&company);
    }
    if by == DedupeBy::PersonAndOffer {
        hash.add(&offer(touch));
    }
    Some(Identity(hash.finish()))
}

/// What a person is known by who has this address, in normal form, whatever they asked for.
pub fn address_identity(account: &AccountName, address: &str) -> Option<Identity> {
    let mut hash = Parts::new(b"identity");
    hash.add(account.as_str());
    hash.add("email");
    hash.add(address);
    (!email::is_nobodys(address)).then(|| Identity(hash.finish()))
}

/// What a referral is known by, whatever becomes of its customer's address.
pub fn referral_identity(account: &AccountName, id: &ReferralId) -> Identity {
    let mut hash = Parts::new(b"referral");
    hash.add(account.as_str());
    hash.add(id.as_str());
    Identity(hash.finish())
}

/// What a touch is about: the offer, by id or else by title, and the action. A referral is about
/// itself: its solutions and its name may be edited.
pub fn touch_key(touch: &Touch) -> TouchKey {
    if let Some(version) = &touch.referral {
        return referral_touch(&version.id);
    }
    let mut hash = Parts::new(b"touch");
    hash.add(&offer(touch));
    hash.add(&touch.action.to_lowercase());
    TouchKey(hash.finish())
}

/// The key of the touch that is this referral.
pub(super) fn referral_touch(id: &ReferralId) -> TouchKey {
    let mut hash = Parts::new(b"touch of a referral");
    hash.add(id.as_str());
    TouchKey(hash.finish())
}

/// The id of the lead an arrival begins. The same arrival gives the same id whenever it is understood: after
/// a restored backup, or read again by a poll, it is written to the same record of a CRM.
pub fn lead_id(arrival: InboxId, new: &Understanding) -> LeadId {
    let mut hash = Parts::new(b"lead");
    hash.add(new.account.as_str());
    let is_known_again = !new.identity_keys.is_empty();
    if let Some(referral) = new.referral.as_ref().filter(|_| is_known_again) {
        hash.add("referral");
        hash.add(referral.id.as_str());
    } else if is_known_again && new.touch.at != new.received_at {
        // The other side says when it happened: it says the same when it is asked again.
        hash.add("said");
        hash.add(&serde_json::to_string(&(&new.person, &new.touch)).unwrap_or_default());
    } else {
        hash.add("received");
        hash.add(new.touch.source.as_str());
        hash.add(&format!("{} {}", new.received_at.timestamp_millis(), arrival.0));
    }
    let mut short = [0; 10];
    short.copy_from_slice(&hash.finish()[..10]);
    LeadId::new(
        u64::try_from(new.touch.at.timestamp_millis()).unwrap_or(0),
        &short,
    )
}

fn normal(said: Option<&Said>) -> Option<&str> {
    said.filter(|said| said.normal && !placeholder::is_placeholder(&said.value))
        .map(|said| said.value.as_str())
}

fn own_address(person: &Person) -> Option<&str> {
    normal(person.email.as_ref()).filter(|address| !email::is_nobodys(address))
}

fn phone_and_company(person: &Person) -> Option<(&str, String)> {
    let phone = normal(person.phone.as_ref())?;
    let company = normal(person.company.as_ref())?;
    Some((phone, words(company)))
}

/// Lower case, one space between words.
fn words(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut out = String::with_capacity(lower.len());
    for word in lower.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

fn offer(touch: &Touch) -> String {
    let offer = if touch.offer.is_empty() {
        &touch.offer_title
    } else {
        &touch.offer
    };
    offer.to_lowercase()
}

/// Hashes parts so that no two lists of parts look alike.
struct Parts(Sha256);

impl Parts {
    fn new(kind: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(kind))
    }

    fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part.as_bytes());
    }

    fn finish(self) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&self.0.finalize()[..16]);
        short
    }
}
