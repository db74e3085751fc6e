//! `leadsync run`: config, build, announce, run, drain.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use tracing::{error, info, warn};

use super::crew::Crew;
use super::renewal::renewal;
use super::signals::{Hangups, Signals};
use super::{Exit, Place, house, logging, watchdog};
use crate::app::{Blueprint, Daemon, Ears, Listeners, Silence};
use crate::config::LogFormat;
use crate::store::sqlite::SqliteStore;
#[cfg(feature = "otel")]
use crate::traces::Tracing;

/// How long work in hand may take after the first signal to stop.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// How log lines look; the config's `log.format` otherwise
    #[arg(long, value_parser = log_format, value_name = "auto|text|json|journald")]
    log_format: Option<LogFormat>,
}

fn log_format(word: &str) -> Result<LogFormat, String> {
    let read: Result<LogFormat, serde::de::value::Error> =
        serde::Deserialize::deserialize(serde::de::IntoDeserializer::into_deserializer(word));
    read.map_err(|_| "expected auto, text, json or journald".to_owned())
}

/// Runs until told to stop.
pub(super) fn run(place: &Place, args: &RunArgs) -> Result<(), Exit> {
    let loaded = house::config(place)?;
    let log = logging::start(&loaded.config.log, args.log_format);
    let outside = house::outside()?;
    let clock = Arc::clone(&outside.clock);
    let begun = clock.now();
    let blueprint = Blueprint::draw(loaded, outside.clone())?;
    // Before listening: "address in use" would hide the reason from whoever starts it twice.
    SqliteStore::ensure_free(&blueprint.loaded.config.store_path())?;
    let crew = Crew::assemble()?;
    let ears = ears(&blueprint, &crew)?;
    let ended: Result<Option<String>, Exit> = crew.front.block_on(async {
        let (mut signals, hangups) = (Signals::listen()?, Hangups::listen()?);
        let listeners = Listeners::open(&blueprint.loaded.config.listen)
            .await
            .map_err(|error| Exit::failed(super::screen::chain(&error)))?;
        let status = Arc::new(OnceLock::new());
        let renewal = renewal(place, outside, log.volume(), Arc::clone(&status));
        let staff = crew.staff();
        let daemon = Daemon::start(blueprint, listeners, &staff, Arc::clone(&ears), Some(renewal)).await?;
        let text = status.get_or_init(|| format!("taking leads on {}", daemon.public));
        announce(&daemon, text, (clock.now() - begun).num_milliseconds());
        let lost = tokio::select! {
            () = signals.stop() => None,
            why = daemon.until_lost() => Some(why),
            () = watchdog::beat(&daemon) => None,
            () = heed(hangups, &daemon) => None,
            () = log.keep_count(daemon.metrics.log()) => None,
        };
        watchdog::tell(&[NotifyState::Stopping]);
        info!(event = "stopping", "finishing what is in hand");
        tokio::select! {
            () = daemon.stop(GRACE) => {}
            () = signals.stop() => warn!(event = "stop_forced", "told twice to stop; leaving work in hand to the next start"),
        }
        Ok(lost)
    });
    ears.close();
    crew.dismiss();
    match ended? {
        None => Ok(()),
        Some(why) => {
            error!(event = "store_lost", reason = ?why, "the store is lost");
            Err(Exit::lost(why))
        }
    }
}

/// Whoever hears of the way of each lead beside the numbers.
#[cfg(feature = "otel")]
fn ears(blueprint: &Blueprint, crew: &Crew) -> Result<Arc<dyn Ears>, Exit> {
    let config = &blueprint.loaded.config.traces;
    let opened = Tracing::open(config, &blueprint.outside, crew.staff().back);
    let opened = opened.map_err(|error| Exit::failed(error.to_string()))?;
    Ok(opened.map_or_else(|| Arc::new(Silence) as Arc<dyn Ears>, |traces| Arc::new(traces)))
}

/// Nobody: this program makes no traces.
#[cfg(not(feature = "otel"))]
#[expect(clippy::unnecessary_wraps, reason = "with traces it can fail")]
fn ears(_: &Blueprint, _: &Crew) -> Result<Arc<dyn Ears>, Exit> {
    Ok(Arc::new(Silence))
}

fn announce(daemon: &Daemon, status: &str, took_ms: i64) {
    info!(event = "ready", address = %daemon.public, duration_ms = took_ms, "{status}");
    watchdog::tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Reads the config anew whenever told to; what came of it stands in the log.
async fn heed(mut hangups: Hangups, daemon: &Daemon) {
    loop {
        hangups.next().await;
        let _ = daemon.reload().await;
    }
}
