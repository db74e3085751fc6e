//! Two views of a lead become one.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use connector_kit::LeadId;
use connector_kit::ids::AccountName;
use connector_kit::lead::{Lead, Person, Said, TOUCHES_CARRIED, Touch};

use super::key::touch_key;
use super::referrals;
use crate::normalize::{Understanding, placeholder::is_placeholder};
use crate::store::{TouchKey, TouchSpan};

/// The lead after one more touch.
///
/// The newest value that says something wins each field, the furthest intent stays, and do-not-contact
/// is never lost. `spans` are the runs of the lead's touches with this one placed: of each run the
/// lead carries the first touch, so a repeat adds none.
pub fn merge(
    before: Option<&Lead>,
    id: LeadId,
    account: &AccountName,
    understanding: &Understanding,
    spans: &[TouchSpan],
) -> Lead {
    let touch = &understanding.touch;
    let mut lead = before.cloned().unwrap_or_else(|| Lead {
        id,
        account: account.clone(),
        person: Person::default(),
        intent: touch.intent,
        dnc: touch.dnc,
        first_at: touch.at,
        last_at: touch.at,
        touches: Vec::new(),
        referrals: Vec::new(),
    });
    join_person(&mut lead.person, &understanding.person);
    lead.intent = lead.intent.max(touch.intent);
    lead.dnc |= touch.dnc;
    lead.first_at = lead.first_at.min(touch.at);
    lead.last_at = lead.last_at.max(touch.at);
    lead.touches.push(touch.clone());
    lead.touches = carried(lead.touches, spans);
    if let Some(referral) = &understanding.referral {
        referrals::join(&mut lead.referrals, referral);
    }
    lead
}

/// Whether a destination would see a difference. When a repeat moved only the moments at which
/// things were said, it would not.
pub fn changed(before: &Lead, after: &Lead) -> bool {
    before.intent != after.intent
        || before.dnc != after.dnc
        || before.first_at != after.first_at
        || before.touches != after.touches
        || !referrals::say_the_same(&before.referrals, &after.referrals)
        || registers(&before.person)
            .iter()
            .zip(registers(&after.person))
            .any(|(old, new)| !same_words(*old, new))
}

fn same_words(one: Option<&Said>, other: Option<&Said>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => {
            (&one.value, &one.raw, one.normal) == (&other.value, &other.raw, other.normal)
        }
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn registers(person: &Person) -> [Option<&Said>; 7] {
    let Person {
        first_name,
        last_name,
        email,
        phone,
        country,
        company,
        title,
    } = person;
    [first_name, last_name, email, phone, country, company, title].map(Option::as_ref)
}

fn join_person(mine: &mut Person, theirs: &Person) {
    let says_something = |said: &Said| !is_placeholder(&said.value);
    join(&mut mine.first_name, theirs.first_name.as_ref(), says_something);
    join(&mut mine.last_name, theirs.last_name.as_ref(), says_something);
    join(&mut mine.email, theirs.email.as_ref(), says_something);
    join(&mut mine.phone, theirs.phone.as_ref(), says_something);
    join(&mut mine.company, theirs.company.as_ref(), says_something);
    join(&mut mine.title, theirs.title.as_ref(), says_something);
    // Namibia's code reads like a placeholder, and is none.
    join(&mut mine.country, theirs.country.as_ref(), |said| {
        said.normal || says_something(said)
    });
}

/// Keeps the greater of two: a maximum is what makes the order of arrival not matter. A value that
/// says something is greater, then the newer one, then, so that all agree, the text.
fn join(mine: &mut Option<Said>, theirs: Option<&Said>, says_something: impl Fn(&Said) -> bool) {
    let weight = |said: &Said| (says_something(said), said.at);
    let words = |said: &Said| (said.value.clone(), said.normal, said.raw.clone());
    let Some(theirs) = theirs else { return };
    let is_greater = |mine: &Said| {
        weight(theirs)
            .cmp(&weight(mine))
            .then_with(|| words(theirs).cmp(&words(mine)))
            .is_gt()
    };
    if mine.as_ref().is_none_or(is_greater) {
        *mine = Some(theirs.clone());
    }
}

/// The newest touches, newest first: each moment of each key once, and of a run only the first. Of a
/// referral the oldest version tells what the touch was.
fn carried(touches: Vec<Touch>, spans: &[TouchSpan]) -> Vec<Touch> {
    let mut keyed: Vec<(TouchKey, Touch)> = touches
        .into_iter()
        .map(|touch| (touch_key(&touch), touch))
        .collect();
    keyed.retain(|(key, touch)| !is_inside_a_run(*key, touch.at, spans));
    keyed.sort_by(|(key, touch), (other_key, other)| {
        let place = |key: &TouchKey, touch: &Touch| Reverse((touch.at, *key));
        place(key, touch)
            .cmp(&place(other_key, other))
            .then_with(|| touch.referral.cmp(&other.referral))
            .then_with(|| words(other).cmp(&words(touch)))
    });
    keyed.dedup_by(|(key, touch), (first_key, first)| key == first_key && touch.at == first.at);
    keyed.truncate(TOUCHES_CARRIED);
    keyed.into_iter().map(|(_, touch)| touch).collect()
}

fn is_inside_a_run(key: TouchKey, at: DateTime<Utc>, spans: &[TouchSpan]) -> bool {
    spans
        .iter()
        .any(|span| span.key == key && span.first_at < at && at <= span.last_at)
}

/// Everything that can differ between two touches of one key at one moment.
fn words(touch: &Touch) -> impl Ord + '_ {
    let texts = [
        &touch.description,
        &touch.offer_title,
        &touch.offer,
        &touch.publisher,
        &touch.storefront,
        &touch.action,
        &touch.action_code,
        &touch.lead_source,
    ];
    (
        touch.dnc,
        touch.intent,
        texts,
        touch.source.as_str(),
        &touch.extra,
    )
}
