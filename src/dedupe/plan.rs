//! What to write about a batch: pure bookkeeping, so that the store only has to write it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use connector_kit::{DestinationName, Lead, LeadId};

use super::Rules;
use super::draft::Draft;
use crate::normalize::Understanding;
use crate::store::{Identity, InboxId, KnownLead, LeadKey, Settlement, Understood};

/// Decides what a batch of arrivals makes of the leads known under its identities.
///
/// Several arrivals of one person become one change. Running it twice on the same arrivals is
/// harmless only because the store settles each arrival once.
pub fn plan(
    batch: &[(InboxId, Result<Understanding, String>)],
    known: &BTreeMap<Identity, KnownLead>,
    rules: &Rules,
    new_id: &mut dyn FnMut(InboxId, &Understanding) -> LeadId,
    route: &dyn Fn(&Lead) -> Vec<DestinationName>,
) -> Settlement {
    let mut desk = Desk::new(known);
    let mut arrivals = Vec::with_capacity(batch.len());
    for (inbox_id, understood) in batch {
        let became = match understood {
            Ok(understanding) => {
                let mut id = || new_id(*inbox_id, understanding);
                desk.draft_of(understanding).take(understanding, rules, &mut id)
            }
            Err(reason) => Understood::Quarantined(reason.clone()),
        };
        arrivals.push((*inbox_id, became));
    }
    let leads = desk
        .drafts
        .into_iter()
        .filter_map(|draft| draft.finish(rules, route))
        .collect();
    Settlement { leads, arrivals }
}

/// The leads of a batch, each in hand once under whatever identity it is asked for.
struct Desk<'k> {
    known: &'k BTreeMap<Identity, KnownLead>,
    drafts: Vec<Draft<'k>>,
    by_identity: BTreeMap<Identity, usize>,
    by_lead: BTreeMap<LeadKey, usize>,
}

impl<'k> Desk<'k> {
    fn new(known: &'k BTreeMap<Identity, KnownLead>) -> Self {
        Self {
            known,
            drafts: Vec::new(),
            by_identity: BTreeMap::new(),
            by_lead: BTreeMap::new(),
        }
    }

    /// The lead an arrival is about: the first of its identities that anybody has decides. What nobody
    /// has becomes this lead's; what another lead has stays there, because leads never become one.
    fn draft_of(&mut self, understanding: &Understanding) -> &mut Draft<'k> {
        let identities = &understanding.identity_keys;
        let is_test = understanding.test_lead;
        let found = identities
            .iter()
            .find_map(|identity| self.draft_behind(*identity, is_test));
        let at = found.unwrap_or_else(|| self.begin(None, is_test));
        for identity in identities {
            if self.known.contains_key(identity) {
                continue;
            }
            if let Entry::Vacant(vacant) = self.by_identity.entry(*identity) {
                vacant.insert(at);
                self.drafts[at].claim(*identity);
            }
        }
        &mut self.drafts[at]
    }

    fn draft_behind(&mut self, identity: Identity, is_test: bool) -> Option<usize> {
        if let Some(at) = self.by_identity.get(&identity) {
            return Some(*at);
        }
        let known = self.known.get(&identity)?;
        let drafted = self.by_lead.get(&known.key).copied();
        Some(drafted.unwrap_or_else(|| {
            let at = self.begin(Some(known), is_test);
            self.by_lead.insert(known.key, at);
            at
        }))
    }

    fn begin(&mut self, known: Option<&'k KnownLead>, is_test: bool) -> usize {
        self.drafts.push(Draft::begin(known, is_test));
        self.drafts.len() - 1
    }
}
