//! What to write about a batch: pure bookkeeping, so that the store only has to write it.

use std::collections::BTreeMap;
use std::sync::Arc;

use connector_kit::{DestinationName, Lead, LeadId};

use super::Rules;
use super::key::touch_key;
use super::merge::{changed, merge};
use super::span::{apply, place};
use crate::normalize::Understanding;
use crate::store::{
    Identity, InboxId, KnownLead, Lane, LeadChange, LeadKey, Settlement, Suppression, TouchSpan, Understood,
};

/// Decides what a batch of arrivals makes of the leads known under its identities.
///
/// Several arrivals of one person become one change. Running it twice on the same arrivals is
/// harmless only because the store settles each arrival once.
pub fn plan(
    batch: &[(InboxId, Result<Understanding, String>)],
    known: &BTreeMap<Identity, KnownLead>,
    rules: &Rules,
    new_id: &mut dyn FnMut() -> LeadId,
    route: &dyn Fn(&Lead) -> Vec<DestinationName>,
) -> Settlement {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut by_identity: BTreeMap<Identity, usize> = BTreeMap::new();
    let mut arrivals = Vec::with_capacity(batch.len());
    for (inbox_id, understood) in batch {
        let understanding = match understood {
            Ok(understanding) => understanding,
            Err(reason) => {
                arrivals.push((*inbox_id, Understood::Quarantined(reason.clone())));
                continue;
            }
        };
        let mine = mergeable(understanding);
        let drafted = mine.and_then(|identity| by_identity.get(&identity).copied());
        let at = drafted.unwrap_or_else(|| {
            drafts.push(Draft::begin(mine, known, understanding.test_lead));
            by_identity.extend(mine.map(|identity| (identity, drafts.len() - 1)));
            drafts.len() - 1
        });
        arrivals.push((*inbox_id, drafts[at].take(understanding, rules, new_id)));
    }
    let leads = drafts
        .into_iter()
        .filter_map(|draft| draft.finish(rules, route))
        .collect();
    Settlement { leads, arrivals }
}

/// A test lead is never merged, whatever address it carries.
fn mergeable(understanding: &Understanding) -> Option<Identity> {
    understanding.identity_keys.first().copied()
}

/// A lead while the batch is applied to it.
struct Draft<'k> {
    identity: Option<Identity>,
    known: Option<&'k KnownLead>,
    lead: Option<Lead>,
    spans: Vec<TouchSpan>,
    test_lead: bool,
}

impl<'k> Draft<'k> {
    fn begin(identity: Option<Identity>, known: &'k BTreeMap<Identity, KnownLead>, test_lead: bool) -> Self {
        let known = identity.and_then(|identity| known.get(&identity));
        let spans = known.map(|known| known.spans.clone()).unwrap_or_default();
        Self {
            identity,
            known,
            lead: known.map(|known| known.lead.clone()),
            spans,
            test_lead,
        }
    }

    fn take(&mut self, new: &Understanding, rules: &Rules, new_id: &mut dyn FnMut() -> LeadId) -> Understood {
        let placement = place(&self.spans, touch_key(&new.touch), new.touch.at, rules.window);
        apply(&mut self.spans, &placement);
        let before = self.lead.take();
        let id = before.as_ref().map_or_else(new_id, |lead| lead.id);
        self.lead = Some(merge(before.as_ref(), id, &new.account, new, &self.spans));
        match before {
            None => Understood::New(id),
            Some(_) if placement.repeat => Understood::Repeat(id),
            Some(_) => Understood::Merged(id),
        }
    }

    fn finish(self, rules: &Rules, route: &dyn Fn(&Lead) -> Vec<DestinationName>) -> Option<LeadChange> {
        let lead = self.lead.as_ref()?;
        let (revision, is_changed) = match self.known {
            None => (1, true),
            Some(known) if changed(&known.lead, lead) => (known.revision.saturating_add(1), true),
            Some(known) => (known.revision, false),
        };
        let (suppression, routes) = self.fate(lead, is_changed, rules, route);
        let (spans, spans_gone) = self.span_changes();
        Some(LeadChange {
            identities: self.identity.into_iter().collect(),
            before: self.known.map(before_of),
            revision,
            spans_gone,
            spans,
            suppression,
            routes,
            referrals: Vec::new(),
            clocks: Vec::new(),
            lead: Arc::new(self.lead?),
        })
    }

    /// Why it goes nowhere, or where it goes. The first rule that applies is named.
    fn fate(
        &self,
        lead: &Lead,
        is_changed: bool,
        rules: &Rules,
        route: &dyn Fn(&Lead) -> Vec<DestinationName>,
    ) -> (Option<Suppression>, Vec<(DestinationName, Lane)>) {
        if self.test_lead && !rules.forward_test_leads {
            return (Some(Suppression::TestLead), Vec::new());
        }
        if lead.dnc {
            return (Some(Suppression::DoNotContact), Vec::new());
        }
        let is_routed = self.known.is_some_and(|known| known.suppression.is_none());
        if is_routed && !is_changed {
            return (None, Vec::new());
        }
        let lane = match (lead.is_hot(), is_routed) {
            (true, _) => Lane::Hot,
            (false, true) => Lane::Update,
            (false, false) => Lane::Live,
        };
        let routes: Vec<_> = route(lead)
            .into_iter()
            .map(|destination| (destination, lane))
            .collect();
        let stranded = routes.is_empty() && !is_routed;
        (stranded.then_some(Suppression::NoRoute), routes)
    }

    /// Runs to write and runs to remove, compared with what the store holds.
    fn span_changes(
        &self,
    ) -> (
        Vec<TouchSpan>,
        Vec<(crate::store::TouchKey, chrono::DateTime<chrono::Utc>)>,
    ) {
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

fn before_of(known: &KnownLead) -> (LeadKey, u32) {
    (known.key, known.revision)
}
