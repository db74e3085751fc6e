//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::accept::AcceptArgs;
use crate::circuit::LoopArgs;
use crate::drain::DrainArgs;
use crate::e2e::E2eArgs;
use crate::grow::GrowArgs;
use crate::limits::LimitsArgs;
use crate::lone::LoneArgs;
use crate::peer::PeerArgs;
use crate::reload::ReloadArgs;
use crate::report::ReportArgs;
use crate::restart::RestartArgs;
use crate::serve::ServeArgs;

/// Measures leadsync against the limits of the machine it runs on. Only ratios inside one run count.
#[derive(Debug, Parser)]
#[command(name = "leadsync-bench", version)]
pub(crate) struct Cli {
    /// For all subcommands.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to measure.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options every subcommand takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// One JSON object a line in place of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where stores are kept while measured; must be on a disk. Default: the system's temporary directory.
    #[arg(long, global = true)]
    pub(crate) dir: Option<PathBuf>,
    /// The daemon to measure. Default: `leadsync` beside this binary.
    #[arg(long, global = true)]
    pub(crate) daemon: Option<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The machine's own limits: raw flushes, SQLite inserts, axum without durability.
    Limits(LimitsArgs),
    /// The intake beside a server without durability, a commit per request, and the ceiling program.
    Accept(AcceptArgs),
    /// From the sender's POST to the destination's answer.
    E2e(E2eArgs),
    /// One lead at a time through an idle daemon.
    Lone(LoneArgs),
    /// One referral at a time from Partner Center to the CRM, and what becomes of it back.
    Loop(LoopArgs),
    /// A backlog leaves, to one destination alone and to several together.
    Drain(DrainArgs),
    /// Intake, memory, start and disk with many leads in the store.
    Grow(GrowArgs),
    /// The config changes again and again while leads come in at a steady rate.
    Reload(ReloadArgs),
    /// Restarts under load on a socket that is kept, as by leadsync.socket.
    Restart(RestartArgs),
    /// The load and the sink of `e2e` around any other relay.
    Peer(PeerArgs),
    /// Measures what the goals name and judges it; 0 pass, 1 fail, 2 inconclusive.
    Report(ReportArgs),
    /// A server of the bench itself.
    #[command(hide = true)]
    Serve(ServeArgs),
}
