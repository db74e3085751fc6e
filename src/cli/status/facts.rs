//! Everything the screen shows, as of one moment.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, Utc};
use connector_kit::DestinationName;

use crate::app;
use crate::cli::spending::Spending;
use crate::cli::{Exit, clocks};
use crate::config::Loaded;
use crate::deliver::budget::Budget;
use crate::intake::silence::{Listened, SilenceRule, silent_at};
use crate::store::sqlite::SqliteStore;
use crate::store::{
    AlarmStore, ClockFilter, DestinationStatus, Footprint, ReferralStore, ReferralTotals, Rhythm, Store,
    Totals,
};

/// Everything the screen shows.
pub(super) struct Facts {
    pub(super) now: DateTime<Utc>,
    pub(super) totals: Totals,
    /// Arrivals that nobody could understand, and whose bytes are kept.
    pub(super) quarantined: u64,
    pub(super) referrals: ReferralTotals,
    pub(super) overdue: usize,
    /// When the next clock runs out.
    pub(super) next_due: Option<DateTime<Utc>>,
    pub(super) destinations: Vec<Spending>,
    pub(super) sources: Vec<Source>,
    pub(super) footprint: Footprint,
}

/// One source, and how it is heard.
pub(super) struct Source {
    pub(super) listened: Listened,
    pub(super) rhythm: Rhythm,
    /// When it will count as silent.
    pub(super) silent_at: Option<DateTime<Utc>>,
}

impl Facts {
    pub(super) async fn gather(
        store: SqliteStore,
        loaded: Loaded,
        budgets: BTreeMap<DestinationName, Budget>,
        now: DateTime<Utc>,
    ) -> Result<Self, Exit> {
        let running = ClockFilter {
            limit: 1000,
            ..ClockFilter::default()
        };
        let clocks = store.clocks(running).await?;
        let spending = |status: DestinationStatus| Spending::new(status, &budgets, now);
        let totals = store.totals().await?;
        Ok(Self {
            now,
            referrals: store.referral_totals().await?,
            overdue: clocks::overdue(&store, now).await?,
            next_due: clocks.iter().map(|clock| clock.due_at).find(|at| *at > now),
            destinations: store.destinations(now).await?.into_iter().map(spending).collect(),
            quarantined: match totals.quarantined {
                0 => 0,
                // Some were given back, or their bytes are gone: then nothing is left to do for them.
                _ => store.count_quarantined(None).await?,
            },
            totals,
            sources: sources(
                &loaded,
                &store.rhythms().await?,
                (store.listening_since().await?.unwrap_or(now), now),
            ),
            footprint: Footprint {
                floor: loaded.config.store.free_space_floor,
                ..store.footprint().await?
            },
        })
    }

    /// Leads that came in since midnight UTC.
    pub(super) fn today(&self) -> u64 {
        self.sources.iter().map(|source| source.today(self.now)).sum()
    }
}

impl Source {
    /// Leads that came in since midnight UTC.
    pub(super) fn today(&self, now: DateTime<Utc>) -> u64 {
        let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let from = midnight.timestamp().div_euclid(3600);
        let today = self.rhythm.hours.iter().filter(|(hour, _)| *hour >= from);
        today.map(|(_, leads)| u64::from(*leads)).sum()
    }
}

/// `since`: since when the daemon listens without a pause.
fn sources(loaded: &Loaded, rhythms: &[Rhythm], (since, now): (DateTime<Utc>, DateTime<Utc>)) -> Vec<Source> {
    let of = |listened: Listened| {
        let known = rhythms.iter().find(|rhythm| rhythm.source == listened.name);
        let rhythm = known.cloned().unwrap_or_else(|| Rhythm::unheard(&listened.name));
        // What is past is not shown as to come.
        let silent_at = silent_at(&rhythm, listened.rule, since).filter(|at| *at > now);
        Source {
            silent_at: silent_at.filter(|_| listened.rule != SilenceRule::Off),
            listened,
            rhythm,
        }
    };
    app::listened(loaded).into_iter().map(of).collect()
}
