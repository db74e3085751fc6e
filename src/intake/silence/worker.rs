//! Listens to every source: counts what came, and tells which has fallen silent.
//!
//! A silence is written down after the log has heard of it, and again after whoever wants alerts has.
//! Should the process die between, it is told once more: never not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{Alert, SilenceAlert, SourceName};
use tracing::{info, warn};

use super::habit::WEEKS;
use super::rule::{SilenceRule, silent_at};
use crate::admin::Health;
use crate::admin::metrics::SilenceMeter;
use crate::deliver::{Herald, Told};
use crate::runtime::{LONGEST_TALK, Next, Rests, Worker};
use crate::store::{Listen, Listening, Rhythm, Silence, Store, StoreError};

/// How often it is looked.
const EVERY: TimeDelta = TimeDelta::seconds(60);
/// Nobody was there when nobody counted for so long.
const PAUSE: TimeDelta = TimeDelta::minutes(30);
/// The first rest after an alert that failed is twice this.
const REST: Duration = Duration::from_secs(15);
/// What remarks about silent sources begin with.
const REMARK: &str = "silent source ";
/// What a person does about it.
const HINT: &str = "press Validate in Partner Center and see whether a test lead comes, or run leadsync canary: if it does, the way is free and only the marketplace is quiet";

/// A source that is listened to.
#[derive(Clone, Debug)]
pub struct Listened {
    /// Its name.
    pub name: SourceName,
    /// The publisher it belongs to.
    pub account: AccountName,
    /// When it counts as silent.
    pub rule: SilenceRule,
}

/// What listening takes.
pub struct SilenceParts {
    /// The floor.
    pub store: Arc<dyn Store>,
    /// Who is listened to.
    pub sources: Vec<Listened>,
    /// Who wants alerts.
    pub herald: Option<Herald>,
    /// Shows who is silent.
    pub meter: SilenceMeter,
    /// Whoever asks whether the daemon is ready is told, too.
    pub health: Arc<Health>,
}

/// Listens to all sources.
pub struct SilenceWorker {
    parts: SilenceParts,
    rests: Rests,
    /// No alert is told before.
    quiet_until: Option<DateTime<Utc>>,
}

impl SilenceWorker {
    /// A worker that has not looked yet.
    pub fn new(parts: SilenceParts) -> Self {
        Self {
            parts,
            rests: Rests::of(REST),
            quiet_until: None,
        }
    }

    /// Looks at one source: tells the log what is new, and gives the silence that holds now.
    async fn look(
        &self,
        source: &Listened,
        rhythm: &Rhythm,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<Silence>, StoreError> {
        let before = rhythm.silence;
        let silence = match before {
            Some(silence) if rhythm.heard_at.is_some_and(|at| at > silence.since) => {
                heard_again(source, silence, now);
                None
            }
            Some(_) if source.rule == SilenceRule::Off => None,
            Some(silence) => Some(silence),
            None => silent_at(rhythm, source.rule, since)
                .filter(|at| *at <= now)
                .map(|_| raise(source, rhythm.heard_at.unwrap_or(since), now)),
        };
        if silence != before {
            self.parts.store.note_silence(&source.name, silence).await?;
        }
        self.show(source, rhythm, silence);
        Ok(silence)
    }

    fn show(&self, source: &Listened, rhythm: &Rhythm, silence: Option<Silence>) {
        self.parts
            .meter
            .show(&source.name, silence.is_some(), rhythm.heard_at);
        let remark = silence.map(|silence| format!("nothing heard since {}", written(silence.since)));
        self.parts.health.remark(&about(&source.name), remark);
    }

    /// Of sources an earlier config listened to nothing is told any more.
    fn forget_others(&self) {
        let names: BTreeSet<&str> = self.parts.sources.iter().map(|one| one.name.as_str()).collect();
        self.parts.meter.keep_only(&names);
        let is_ours = |remark: &str| {
            let source = remark.strip_prefix(REMARK);
            source.is_none_or(|source| names.contains(source))
        };
        self.parts.health.keep_remarks(is_ours);
    }

    /// Tells whoever wants alerts, and writes down that they were told.
    async fn alert(
        &mut self,
        source: &Listened,
        silence: Silence,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(herald) = self.parts.herald.as_ref().filter(|_| !silence.alerted) else {
            return Ok(());
        };
        if self.quiet_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        let alert = alert(source, silence);
        match herald.tell(&*self.parts.store, &alert, now).await? {
            Told::Yes => {
                self.rests.well();
                let told = Silence {
                    alerted: true,
                    ..silence
                };
                self.parts.store.note_silence(&source.name, Some(told)).await?;
            }
            Told::NotBefore(at) => self.quiet_until = Some(at),
            Told::No(error) => {
                let rest = self.rests.after(&error);
                herald.complain(&alert, &error, rest);
                self.quiet_until = Some(now + rest);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Worker for SilenceWorker {
    fn name(&self) -> &'static str {
        "silence"
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let ask = Listen {
            now,
            forget_before: now - TimeDelta::weeks(WEEKS + 1),
            pause: PAUSE,
        };
        let Listening { since, more } = self.parts.store.listen(ask).await?;
        if more {
            return Ok(Next::Again);
        }
        self.forget_others();
        let rhythms = self.parts.store.rhythms().await?;
        let mut by_name: BTreeMap<SourceName, Rhythm> = rhythms
            .into_iter()
            .map(|rhythm| (rhythm.source.clone(), rhythm))
            .collect();
        for source in self.parts.sources.clone() {
            let rhythm = by_name
                .remove(&source.name)
                .unwrap_or_else(|| Rhythm::unheard(&source.name));
            if let Some(silence) = self.look(&source, &rhythm, since, now).await? {
                self.alert(&source, silence, now).await?;
            }
        }
        Ok(Next::At(now + EVERY))
    }
}

fn about(source: &SourceName) -> String {
    format!("{REMARK}{source}")
}

fn raise(source: &Listened, since: DateTime<Utc>, now: DateTime<Utc>) -> Silence {
    let name = &source.name;
    let silent_since = written(since);
    warn!(event = "source_silent", source = %name, silent_since, hint = HINT, "nothing was heard from {name} for longer than ever");
    Silence {
        since,
        raised_at: now,
        alerted: false,
    }
}

fn heard_again(source: &Listened, silence: Silence, now: DateTime<Utc>) {
    let name = &source.name;
    let (silent_since, for_s) = (written(silence.since), (now - silence.since).num_seconds());
    info!(event = "source_heard_again", source = %name, silent_since, for_s, "{name} is heard again");
}

fn alert(source: &Listened, silence: Silence) -> Alert {
    Alert::Silence(SilenceAlert {
        id: format!("silence-{}-{}", source.name, silence.raised_at.timestamp()),
        account: source.account.clone(),
        source: source.name.clone(),
        since: silence.since,
        raised_at: silence.raised_at,
        hint: HINT,
    })
}

fn written(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
