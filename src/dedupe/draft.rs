//! A lead while a batch is applied to it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{CanaryMark, DestinationName, Lead, LeadId, Referral};

use super::Rules;
use super::clocks;
use super::fate::{Standing, Way, fate, is_worth};
use super::key::touch_key;
use super::link::link;
use super::merge::{changed, merge};
use super::span::{apply, place};
use crate::normalize::Understanding;
use crate::store::{
    ClockStart, Identity, KnownLead, LeadChange, ReferralNote, Suppression, TouchKey, TouchSpan, Understood,
};

/// How long after the same touch a touch is a repeat. A referral is one touch for as long as it lives.
pub(super) fn window_of(new: &Understanding, rules: &Rules) -> TimeDelta {
    new.referral.as_ref().map_or(rules.window, |_| TimeDelta::MAX)
}

/// What is known of a lead, and what the batch adds.
pub(super) struct Draft<'k> {
    known: Option<&'k KnownLead>,
    /// Identities nobody had before.
    claims: Vec<Identity>,
    lead: Option<Lead>,
    spans: Vec<TouchSpan>,
    notes: Vec<ReferralNote>,
    test_lead: bool,
    canary: Option<CanaryMark>,
    worth: bool,
    /// When somebody first asked at a marketplace, of those who can still be answered in time.
    asked_at: Option<DateTime<Utc>>,
}

impl<'k> Draft<'k> {
    pub(super) fn begin(known: Option<&'k KnownLead>, test_lead: bool) -> Self {
        let suppression = known.map(|known| known.suppression);
        let is_idle = |why| matches!(why, Some(Suppression::ClosedReferral | Suppression::OwnReferral));
        Self {
            known,
            claims: Vec::new(),
            lead: known.map(|known| known.lead.clone()),
            spans: known.map(|known| known.spans.clone()).unwrap_or_default(),
            notes: Vec::new(),
            // A later version of a referral does not make a try-out of a lead that was none.
            test_lead: test_lead && suppression.is_none_or(|why| why == Some(Suppression::TestLead)),
            canary: None,
            worth: suppression.is_some_and(|why| !is_idle(why)),
            asked_at: None,
        }
    }

    /// It may be found under this identity from now on.
    pub(super) fn claim(&mut self, identity: Identity) {
        self.claims.push(identity);
    }

    /// Applies one arrival.
    pub(super) fn take(
        &mut self,
        new: &Understanding,
        rules: &Rules,
        new_id: &mut dyn FnMut() -> LeadId,
    ) -> Understood {
        self.note(new);
        self.canary = self.canary.or(new.canary);
        let window = window_of(new, rules);
        let placement = place(&self.spans, touch_key(&new.touch), new.touch.at, window);
        apply(&mut self.spans, &placement);
        let before = self.lead.take();
        let id = before.as_ref().map_or_else(new_id, |lead| lead.id);
        let lead = merge(before.as_ref(), id, &new.account, new, &self.spans);
        self.worth |= is_worth(new, &lead);
        self.lead = Some(lead);
        match before {
            None => Understood::New(id),
            Some(_) if placement.repeat => Understood::Repeat(id),
            Some(_) => Understood::Merged(id),
        }
    }

    /// Notes a referral, the newest version of it, linked as it was when it was first seen; or when
    /// somebody asked.
    fn note(&mut self, new: &Understanding) {
        let at = new.touch.at;
        match &new.referral {
            Some(referral) => self.note_referral(referral, new),
            None if clocks::came_too_late(at, new.received_at) => {}
            None => self.asked_at = Some(self.asked_at.map_or(at, |first| first.min(at))),
        }
    }

    fn note_referral(&mut self, referral: &Referral, new: &Understanding) {
        let mut noted = self.notes.iter_mut();
        let Some(note) = noted.find(|note| note.referral.id == referral.id) else {
            self.notes.push(ReferralNote {
                source: new.touch.source.clone(),
                link: link(referral, self.lead.as_ref(), &self.spans),
                referral: Arc::new(referral.clone()),
            });
            return;
        };
        let newer = Referral::clone(&note.referral).newer(referral.clone());
        if newer != *note.referral {
            note.source = new.touch.source.clone();
            note.referral = Arc::new(newer);
        }
    }

    /// What to write.
    pub(super) fn finish(
        mut self,
        rules: &Rules,
        route: &dyn Fn(&Lead) -> Vec<DestinationName>,
    ) -> Option<LeadChange> {
        let lead = self.lead.take()?;
        let (revision, is_changed) = match self.known {
            None => (1, true),
            Some(known) if changed(&known.lead, &lead) => (known.revision.saturating_add(1), true),
            Some(known) => (known.revision, false),
        };
        let is_routed = self.known.is_some_and(|known| known.suppression.is_none());
        let standing = Standing {
            test_lead: self.test_lead && self.canary.is_none(),
            worth: self.worth,
            way: match is_routed {
                false => Way::NotBegun,
                true if is_changed => Way::Changed,
                true => Way::Unchanged,
            },
        };
        let (suppression, routes) = fate(&lead, &standing, rules, route);
        let (spans, spans_gone) = self.span_changes();
        let clocks = match suppression {
            None if self.canary.is_none() => self.clocks(&lead, is_routed, rules),
            _ => Vec::new(),
        };
        Some(LeadChange {
            identities: self.claims,
            before: self.known.map(|known| (known.key, known.revision)),
            revision,
            spans_gone,
            spans,
            suppression,
            canary: self.canary,
            routes,
            referrals: self.notes,
            clocks,
            lead: Arc::new(lead),
        })
    }

    /// What begins to run. A lead that goes somewhere for the first time starts all its clocks: while
    /// it went nowhere none was.
    fn clocks(&self, lead: &Lead, is_routed: bool, rules: &Rules) -> Vec<ClockStart> {
        let noted: Vec<&Referral> = self.notes.iter().map(|note| note.referral.as_ref()).collect();
        let is_noted = |held: &Referral| noted.iter().any(|referral| referral.id == held.id);
        let waiting = lead.referrals.iter().filter(|held| !is_routed && !is_noted(held));
        let answered = || !is_routed && rules.follow_up_leads.contains(&lead.account);
        let asked = self.asked_at.filter(|_| answered()).and_then(clocks::of_lead);
        let referrals = noted.iter().copied().chain(waiting);
        referrals.flat_map(clocks::of_referral).chain(asked).collect()
    }

    /// Runs to write and runs to remove, compared with what the store holds.
    fn span_changes(&self) -> (Vec<TouchSpan>, Vec<(TouchKey, DateTime<Utc>)>) {
        let held = self.known.map_or(&[][..], |known| &known.spans);
        let place = |span: &TouchSpan| (span.key, span.first_at);
        let written = self
            .spans
            .iter()
            .filter(|span| !held.contains(span))
            .copied()
            .collect();
        let stands = |span: &TouchSpan| self.spans.iter().any(|other| place(other) == place(span));
        let gone = held.iter().filter(|span| !stands(span)).map(place).collect();
        (written, gone)
    }
}
