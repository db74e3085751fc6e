//! The daemon between both sides: the shipped files with the systems of the bench in place, made ready as an
//! operator does it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use leadsync_sim::partner_center::{Kind, PartnerCenter};
use serde_json::Value;
use toml::Table;

use super::sides::{ADMINISTRATOR, Sides};
use super::{PATIENCE, WATCH_EVERY};
use crate::cli::Common;
use crate::process;
use crate::subject::{CLIENT_SECRET, Daemon, Pacing, Running};

const CRM: &str = include_str!("../../../../config/connectors.d/dynamics365.toml");
const DESK: &str = include_str!("../../../../config/connectors.d/partner-center.toml");
/// More than the daemon could ever call.
const UNLIMITED: &str = "rate = { per_second = 1000, burst = 1000 }";

/// A daemon that was made ready and does not run yet.
pub(super) struct House {
    daemon: Daemon,
}

impl House {
    /// Writes the files, lets the CRM be made ready, and somebody sign in.
    pub(super) fn build(
        sides: &Sides,
        binary: &Path,
        common: &Common,
        pacing: Pacing,
    ) -> anyhow::Result<Self> {
        let daemon = Daemon::prepare(binary, common.dir.as_deref(), &[])?;
        let secret = daemon.keep("crm.secret", CLIENT_SECRET)?;
        let vault_key = daemon.keep("vault.key", "bench-vault-key-of-32-characters")?;
        let roots = daemon.keep("roots.pem", &PartnerCenter::trusted_authority())?;
        let watch = format!("watch_every = \"{}ms\"\n{UNLIMITED}", WATCH_EVERY.as_millis());
        let crm = connector(CRM, &watch, &sides.crm_settings(&secret))?;
        daemon.keep("connectors.d/dynamics365.toml", &crm)?;
        let pace = match pacing {
            Pacing::Unlimited => UNLIMITED,
            Pacing::Shipped => "",
        };
        let desk = connector(DESK, pace, &sides.desk_settings(&vault_key, &roots))?;
        daemon.keep("connectors.d/partner-center.toml", &desk)?;
        daemon.ask(&["provision", "dynamics365", "--apply", "--wait", "1m"])?;
        let house = Self { daemon };
        house.sign_in(sides)?;
        Ok(house)
    }

    /// The administrator types the code on another device.
    fn sign_in(&self, sides: &Sides) -> anyhow::Result<()> {
        let mut command = self.daemon.command(&["authorize", "partner-center", "--device"]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let said = child.stdout.as_mut().context("it has no output")?;
        BufReader::new(said).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("no code was shown")?;
        let code = told["user_code"].as_str().context("no code was shown")?;
        ensure!(
            sides.entra.sign_in_on_device(code, ADMINISTRATOR),
            "the code is not known"
        );
        let status = child.wait()?;
        ensure!(status.success(), "`leadsync authorize` ended with {status}");
        Ok(())
    }

    /// Starts the daemon, and waits until it polled for the first time and rests.
    pub(super) fn start(&self, sides: &Sides) -> anyhow::Result<Running> {
        let running = self.daemon.start()?;
        let begun = Instant::now();
        // What nobody answered, what somebody works on, and what changed.
        while sides.center.count(Kind::List) < 3 {
            if begun.elapsed() > PATIENCE {
                bail!("the daemon polls nobody:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        process::wait_for_rest(running.pid(), Duration::from_secs(10));
        Ok(running)
    }

    /// The daemon's public door.
    pub(super) fn address(&self) -> SocketAddr {
        self.daemon.address()
    }

    /// What it said.
    pub(super) fn log(&self) -> String {
        self.daemon.log()
    }
}

/// The shipped file with other lines on top and other `[settings]`.
fn connector(shipped: &str, top: &str, settings: &str) -> anyhow::Result<String> {
    let mut table: Table = shipped.parse().context("a shipped file is not TOML")?;
    table.extend(top.parse::<Table>()?);
    let own = table.get_mut("settings").and_then(toml::Value::as_table_mut);
    own.context("settings is no table")?
        .extend(settings.parse::<Table>()?);
    Ok(toml::to_string(&table)?)
}
