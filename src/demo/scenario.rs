//! What happens, in order; each part is over before the next one begins.

use connector_kit::clock::Clock;

use super::customers::{ALL, Fate};
use super::patience::until;
use super::samples::{self, Expected};
use super::{Center, DemoError, Listener, Receivers, Sender, Verdict};
use crate::store::{ReferralTotals, Store, Totals};

/// Everybody who takes part.
pub struct Scenario<'a> {
    /// Posts leads.
    pub sender: &'a Sender,
    /// The daemon's floor.
    pub store: &'a dyn Store,
    /// Where leads go, the CRMs and their people among them.
    pub receivers: &'a Receivers,
    /// Where referrals come from, and what becomes of them goes to.
    pub center: &'a Center,
    /// Hears what the daemon does.
    pub listener: &'a Listener,
    /// Tells when patience ends.
    pub clock: &'a dyn Clock,
}

impl Scenario<'_> {
    /// Plays it to the end, and judges.
    pub async fn play(&self) -> Result<Verdict, DemoError> {
        self.leads().await?;
        self.referrals().await?;
        Verdict::reach(self.store, self.receivers, self.center, self.listener).await
    }

    /// Leads are posted; each gets its fate, and people in the CRMs close some of them.
    async fn leads(&self) -> Result<(), DemoError> {
        self.sender.send_all(samples::all()?, self.listener).await?;
        self.everything_is_delivered().await?;
        self.receivers.crms.work()?;
        let closed = Expected::WON + Expected::LOST + Expected::DECLINED;
        until(self.clock, async || {
            let outcomes = self.totals().await?.outcomes;
            Ok(outcomes.won + outcomes.lost + outcomes.declined >= closed)
        })
        .await
    }

    /// Customers are referred; people in the CRMs work on them, and Partner Center hears what became of each.
    async fn referrals(&self) -> Result<(), DemoError> {
        self.center.refer();
        let crms = &self.receivers.crms;
        until(self.clock, async || Ok(crms.know_everybody())).await?;
        crms.take_up()?;
        until(self.clock, async || Ok(self.center.has_begun())).await?;
        crms.sell()?;
        until(self.clock, async || Ok(is_over(&self.referral_totals().await?))).await?;
        self.everything_is_delivered().await
    }

    /// Waits until nothing is on its way any more.
    async fn everything_is_delivered(&self) -> Result<(), DemoError> {
        until(self.clock, async || {
            let totals = self.totals().await?;
            let heard = self.listener.delivery_times().len() as u64;
            let all_heard = heard >= totals.delivered + totals.closed;
            Ok(totals.unsettled == 0 && totals.pending == 0 && all_heard)
        })
        .await
    }

    async fn totals(&self) -> Result<Totals, DemoError> {
        self.store.totals().await.map_err(DemoError::asking())
    }

    async fn referral_totals(&self) -> Result<ReferralTotals, DemoError> {
        self.store.referral_totals().await.map_err(DemoError::asking())
    }
}

/// Every referral has its fate, and nothing of it is still to be told.
fn is_over(totals: &ReferralTotals) -> bool {
    let has = |fate: Fate| match fate {
        Fate::Won => totals.won,
        Fate::Lost => totals.lost,
        Fate::Declined => totals.declined,
        Fate::Refused => totals.refused,
        Fate::Expired => totals.expired,
    };
    let settled = ALL.iter().all(|customer| has(customer.fate) > 0);
    settled && totals.reporting == 0 && totals.notices == 0
}
