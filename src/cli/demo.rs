//! `leadsync demo`: shows the whole way of a lead on this machine, there and back, and leaves nothing behind.

mod look;
mod report;
mod teller;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use connector_kit::clock::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;

use super::crew::Crew;
use super::provision::{End, Work};
use super::signals::Signals;
use super::{Exit, Place, house, logging, screen};
use crate::app::{Blueprint, Daemon, Listeners, Outside};
use crate::config::{Config, LogFormat};
use crate::demo::{Center, DemoError, Listener, Receivers, Scenario, Sender, Site, partner_center};
use look::Look;
use teller::Teller;

/// A pretended CRM is ready sooner than this.
const READY_WITHIN: TimeDelta = TimeDelta::seconds(20);
/// How long work in hand may take when the demo ends.
const GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End after the samples instead of waiting for leads of yours
    #[arg(long)]
    exit: bool,
    /// Write the daemon's log to standard error, as JSON
    #[arg(long)]
    log: bool,
    /// Show the daemon's numbers at this address, for Prometheus and its dashboard
    #[arg(long, value_name = "127.0.0.1:9464")]
    metrics: Option<SocketAddr>,
}

/// Runs the demo; fails when a single number is not as promised.
pub(super) fn demo(place: &Place, args: &DemoArgs) -> Result<(), Exit> {
    let outside = house::outside()?;
    let site = Site::prepare(&outside.dice)?;
    let crew = Crew::assemble()?;
    let look = Look {
        json: place.json,
        summary_only: place.json && args.exit,
        colours: !place.json && screen::answers_are_read_by_a_person() && !no_color(),
    };
    let ended = crew.front.block_on(run(&site, outside, &crew, look, args));
    crew.dismiss();
    ended
}

async fn run(site: &Site, outside: Outside, crew: &Crew, look: Look, args: &DemoArgs) -> Result<(), Exit> {
    let mut signals = Signals::listen()?;
    let mut closed = signal(SignalKind::hangup())?;
    let clock = Arc::clone(&outside.clock);
    let transports = Arc::clone(&outside.transports);
    let receivers = Receivers::open(site, &clock).await?;
    let center = Center::open(site, &clock, &receivers.crms.login).await?;
    site.configure(receivers.doors, receivers.crms.doors, center.doors, args.metrics)?;
    // The environment of whoever tries this belongs to another daemon.
    let loaded = Config::load(site.directory(), &std::collections::BTreeMap::new())?;
    let _log = args
        .log
        .then(|| logging::start(&loaded.config.log, Some(LogFormat::Json)));
    let blueprint = Blueprint::draw(loaded, outside)?;
    make_ready(&blueprint, &*clock).await?;
    sign_in(&blueprint, &center).await?;
    let listeners = Listeners::open(&blueprint.loaded.config.listen)
        .await
        .map_err(|error| Exit::failed(screen::chain(&error)))?;
    let (steps, heard) = unbounded_channel();
    let listener = Arc::new(Listener::new(Arc::clone(&clock), steps));
    let daemon = Daemon::start(blueprint, listeners, &crew.staff(), listener.clone(), None).await?;

    let mut teller = Teller::new(look, clock.now(), heard);
    report::greet(look, site, daemon.public.port());
    let sender = Sender::new(&*transports, site, daemon.public.port())?;
    let scenario = Scenario {
        sender: &sender,
        store: &*daemon.store,
        receivers: &receivers,
        center: &center,
        listener: &listener,
        clock: &*clock,
    };
    center.tell(&Site::events_url(daemon.public.port()));
    let mut telling = pin!(center.tell_of_changes(&sender));
    let verdict = tokio::select! {
        verdict = scenario.play() => Some(verdict?),
        never = &mut telling => match never {},
        () = teller.tell() => None,
        () = signals.stop() => None,
        _ = closed.recv() => None,
    };
    if let Some(verdict) = &verdict {
        teller.tell_the_rest();
        report::sum_up(look, verdict);
        if !args.exit {
            receivers.mend();
            report::invite(look, site, daemon.public.port(), verdict);
            tokio::select! {
                never = &mut telling => match never {},
                () = teller.tell() => {}
                () = signals.stop() => {}
                _ = closed.recv() => {}
            }
        }
    }
    daemon.stop(GRACE).await;
    match verdict.map(|verdict| verdict.faults) {
        Some(faults) if !faults.is_empty() => {
            Err(Exit::failed(format!("not as promised: {}", faults.join("; "))))
        }
        None if args.exit => Err(Exit::failed("interrupted before the end")),
        _ => Ok(()),
    }
}

/// What `leadsync provision --apply` does for an operator: fields, keys and rights in the CRMs.
async fn make_ready(blueprint: &Blueprint, clock: &dyn Clock) -> Result<(), Exit> {
    for (file, connector) in &blueprint.connectors {
        let Some(provisioner) = &connector.provisioner else {
            continue;
        };
        let work = Work {
            provisioner: provisioner.as_ref(),
            clock,
            until: clock.now() + READY_WITHIN,
            take_over: false,
        };
        let carried = work.carry_out(&mut |_| {}).await;
        if !matches!(carried.end, End::Settled) {
            return Err(Exit::failed(format!("the demo cannot make {} ready", file.name)));
        }
    }
    Ok(())
}

/// What `leadsync authorize partner-center --device` does for an operator.
async fn sign_in(blueprint: &Blueprint, center: &Center) -> Result<(), Exit> {
    for (file, connector) in &blueprint.connectors {
        if let Some(authorizer) = &connector.authorizer
            && file.name == partner_center::NAME
        {
            center.sign_in(authorizer.as_ref()).await?;
        }
    }
    Ok(())
}

/// See <https://no-color.org>: present and not empty.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

impl From<DemoError> for Exit {
    fn from(error: DemoError) -> Self {
        Self::failed(screen::chain(&error))
    }
}
