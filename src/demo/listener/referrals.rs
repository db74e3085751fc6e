//! What is heard of referrals: they come in, and stand anew.

use chrono::{DateTime, Utc};
use connector_kit::referral::Phase;
use connector_kit::{Referral, ReferralId, ReferralState, SourceName};

use super::{Listener, Step, Who};
use crate::store::{LeadChange, ReferralNote, Understood};
use crate::syncback::Refusal;

impl Listener {
    /// A version of a referral was understood: the first tells of the customer, later ones how it stands.
    pub(super) fn referral_understood(&self, what: &Understood, change: &LeadChange, now: DateTime<Utc>) {
        let who = self.meet(change);
        for note in &change.referrals {
            self.came(note, &who, now);
            let phase = note.referral.state.phase();
            let is_news = !matches!(what, Understood::New(_)) && phase != Phase::New;
            if is_news {
                self.stands(
                    &note.source,
                    &note.referral.id,
                    &note.referral.state,
                    Some(&note.referral),
                    now,
                );
            }
        }
    }

    /// A step of a report is written. What a closed one says is heard when it was understood.
    pub(super) fn written(
        &self,
        sink: &SourceName,
        referral: &ReferralId,
        state: Option<&ReferralState>,
        now: DateTime<Utc>,
    ) {
        if let Some(state) = state.filter(|state| state.phase() == Phase::Active) {
            self.stands(sink, referral, state, None, now);
        }
    }

    /// A report was refused; told once for each reason.
    pub(super) fn unreported(
        &self,
        sink: &SourceName,
        referral: &ReferralId,
        why: &Refusal,
        now: DateTime<Utc>,
    ) {
        let Some(who) = self.news(referral, why.reason.clone()) else {
            return;
        };
        let step = Step::Unreported {
            referral: referral.clone(),
            sink: sink.clone(),
            why: why.clone(),
            who,
        };
        self.tell_of(now, step);
    }

    fn came(&self, note: &ReferralNote, who: &Who, now: DateTime<Utc>) {
        let id = note.referral.id.clone();
        if self.book().referred.insert(id, who.clone()).is_none() {
            let step = Step::Referred {
                referral: Box::new((*note.referral).clone()),
                source: note.source.clone(),
                who: who.clone(),
            };
            self.tell_of(now, step);
        }
    }

    /// Told once for each state, by whoever hears of it first.
    fn stands(
        &self,
        source: &SourceName,
        referral: &ReferralId,
        state: &ReferralState,
        says: Option<&Referral>,
        now: DateTime<Utc>,
    ) {
        let Some(who) = self.news(referral, state.to_string()) else {
            return;
        };
        let step = Step::Stands {
            referral: referral.clone(),
            source: source.clone(),
            state: state.clone(),
            says: says.cloned().map(Box::new),
            who,
        };
        self.tell_of(now, step);
    }

    /// Whom it is about, unless this was told already.
    fn news(&self, referral: &ReferralId, what: String) -> Option<Who> {
        let mut book = self.book();
        let is_new = book.told.insert((referral.clone(), what));
        is_new.then(|| book.referred.get(referral).cloned().unwrap_or_default())
    }
}
