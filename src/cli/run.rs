//! `leadsync run`: config, build, announce, run, drain.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::{Exit, Place, house, logging, watchdog};
use crate::app::{Blueprint, Daemon, Listeners, Silence, Staff};
use crate::config::LogFormat;

/// How long work in hand may take after the first signal to stop.
const GRACE: Duration = Duration::from_secs(30);
/// Sent when a file grows beyond a limit; unhandled it kills the process.
const SIGXFSZ: i32 = 25;
/// Understanding and delivering yield to taking leads in.
const BACK_NICENESS: i32 = 5;

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
    logging::start(&loaded.config.log, args.log_format);
    let outside = house::outside()?;
    let clock = Arc::clone(&outside.clock);
    let begun = clock.now();
    let blueprint = Blueprint::draw(loaded, outside)?;
    let crew = Crew::assemble()?;
    let ended: Result<Option<String>, Exit> = crew.front.block_on(async {
        let mut signals = Signals::listen()?;
        let listeners = Listeners::open(&blueprint.loaded.config.listen)
            .await
            .map_err(|error| Exit::failed(super::screen::chain(&error)))?;
        let daemon = Daemon::start(blueprint, listeners, &crew.staff(), Arc::new(Silence)).await?;
        announce(&daemon, (clock.now() - begun).num_milliseconds());
        let lost = tokio::select! {
            () = signals.stop() => None,
            why = daemon.until_lost() => Some(why),
            () = watchdog::beat(&daemon, clock) => None,
        };
        watchdog::tell(&[NotifyState::Stopping]);
        info!(event = "stopping", "finishing what is in hand");
        tokio::select! {
            () = daemon.stop(GRACE) => {}
            () = signals.stop() => warn!(event = "stop_forced", "told twice to stop; leaving work in hand to the next start"),
        }
        Ok(lost)
    });
    crew.dismiss();
    match ended? {
        None => Ok(()),
        Some(why) => {
            error!(event = "store_lost", reason = ?why, "the store is lost");
            Err(Exit::lost(why))
        }
    }
}

fn announce(daemon: &Daemon, took_ms: i64) {
    let status = format!("taking leads on {}", daemon.public);
    info!(event = "ready", address = %daemon.public, duration_ms = took_ms, "{status}");
    watchdog::tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The threads: those that take leads in, and those behind them.
struct Crew {
    front: Runtime,
    back: Runtime,
}

impl Crew {
    fn assemble() -> Result<Self, Exit> {
        let cores = std::thread::available_parallelism()
            .map_or(2, std::num::NonZero::get)
            .clamp(2, 8);
        let front = Builder::new_multi_thread()
            .worker_threads(cores)
            .thread_name("intake")
            .enable_all()
            .build()?;
        let back = Builder::new_multi_thread()
            .worker_threads(cores)
            .thread_name("work")
            .on_thread_start(yield_to_intake)
            .enable_all()
            .build()?;
        Ok(Self { front, back })
    }

    fn staff(&self) -> Staff {
        Staff {
            front: self.front.handle().clone(),
            back: self.back.handle().clone(),
        }
    }

    fn dismiss(self) {
        self.back.shutdown_timeout(Duration::from_secs(1));
        self.front.shutdown_timeout(Duration::from_secs(1));
    }
}

/// Lowers this thread's claim on the processor. Refused: it only competes on equal terms.
fn yield_to_intake() {
    let _ = rustix::process::setpriority_process(None, BACK_NICENESS);
}

/// What the operating system may say.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _file_limit: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            // Listening is enough: the write then fails with an error that is handled.
            _file_limit: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
