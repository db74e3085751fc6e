//! `leadsync provision`: makes a system ready for leads, or tells what it lacks.

mod carry_out;
mod report;

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use connector_kit::Provisioner;
use connector_kit::clock::{Clock, SystemClock};

use super::{Exit, Place, house, screen};
use carry_out::{Carried, News};
pub(super) use carry_out::{End, Work};
use report::{Report, Verdict};

/// What to make ready, and whether to do it.
#[derive(Debug, Args)]
#[command(after_help = "\
Neither the daemon nor its store is needed, and everything may be done again: what is there is left alone.
Ends with
  0   everything is there
  3   the rest is for a person; it is told what and how
  4   something is missing (--plan), or was not usable when the time was over (--apply)
  69  the other side does not answer
  77  it was refused; the message says whose rights are missing, or what the config says wrong")]
pub(super) struct ProvisionArgs {
    /// Connectors by name, as their files in connectors.d are called; all when none is given
    #[arg(value_name = "CONNECTOR")]
    connectors: Vec<String>,
    /// Show what is there, what is missing, and the least rights for daily work; the default
    #[arg(long, conflicts_with = "apply")]
    plan: bool,
    /// Make what is missing, and wait until it can be used
    #[arg(long)]
    apply: bool,
    /// Take over what somebody else has and there is only one of, such as a registration for events
    #[arg(long, requires = "apply")]
    take_over: bool,
    /// How long to wait for what the other side works on
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = humantime::parse_duration, requires = "apply")]
    wait: Duration,
}

/// Plans, or carries out, for one connector after the other.
pub(super) fn provision(place: &Place, args: &ProvisionArgs) -> Result<(), Exit> {
    let connectors = house::connectors(place, &args.connectors)?;
    let runtime = house::runtime()?;
    let mut reports = Vec::new();
    for (file, connector) in &connectors {
        let Some(provisioner) = &connector.provisioner else {
            continue;
        };
        let carried = if args.apply {
            runtime.block_on(apply(place, &file.name, provisioner.as_ref(), args))
        } else {
            runtime.block_on(plan(provisioner.as_ref()))
        };
        let report = Report::new(file, carried, args.apply);
        if !place.json {
            report.print();
        }
        reports.push(report);
    }
    if place.json {
        screen::json(&report::as_json(&reports));
    } else if reports.is_empty() {
        screen::line("there is nothing to provision: no such connector needs it");
    }
    ended(&reports, args.apply)
}

async fn plan(provisioner: &dyn Provisioner) -> Carried {
    let (plan, end) = match provisioner.plan().await {
        Ok(plan) => (plan, End::Settled),
        Err(error) => (connector_kit::Plan::default(), End::Failed(error)),
    };
    Carried {
        plan,
        made: Vec::new(),
        end,
    }
}

async fn apply(place: &Place, name: &str, provisioner: &dyn Provisioner, args: &ProvisionArgs) -> Carried {
    let mut progress = screen::Progress::new();
    let mut tell = |news: News<'_>| match news {
        _ if place.json => {}
        News::Making(step) => progress.doing(&format!("{name}: make {} ...", step.what)),
        News::Made(step) => {
            progress.clear();
            screen::line(format_args!("{name}: done: {}", screen::clean_whole(&step.what)));
        }
        News::Waiting { why, left } => {
            let left = Duration::from_secs(u64::try_from(left.num_seconds()).unwrap_or_default());
            let left = format!(" (for at most {} more)", humantime::format_duration(left));
            progress.say(&format!("{name}: waiting: {why}"), &left);
        }
    };
    let until = SystemClock.now() + TimeDelta::from_std(args.wait).unwrap_or(TimeDelta::days(1));
    let work = Work {
        provisioner,
        clock: &SystemClock,
        until,
        take_over: args.take_over,
    };
    let carried = work.carry_out(&mut tell).await;
    progress.clear();
    carried
}

/// The worst of all decides.
fn ended(reports: &[Report], applied: bool) -> Result<(), Exit> {
    let Some(worst) = reports.iter().map(|report| report.verdict).max() else {
        return Ok(());
    };
    let concerned: Vec<&str> = reports
        .iter()
        .filter(|report| report.verdict == worst)
        .map(|report| report.name.as_str())
        .collect();
    let names = concerned.join(", ");
    match worst {
        Verdict::Done => Ok(()),
        Verdict::ByHand => Err(Exit::by_hand(format!(
            "{names}: the rest is for a person, as told above"
        ))),
        Verdict::Unfinished if applied => Err(Exit::unfinished(format!(
            "{names}: not everything could be used in time; leadsync provision --apply goes on where it stopped"
        ))),
        Verdict::Unfinished => Err(Exit::unfinished(format!(
            "something is missing; make it: leadsync provision {} --apply",
            concerned.join(" ")
        ))),
        Verdict::Unanswered => Err(Exit::unanswered(format!(
            "{names}: the other side does not answer"
        ))),
        Verdict::Refused => Err(Exit::refused(format!("{names}: it was refused, as told above"))),
    }
}
