//! What the operator types, and the exit code it ends with.

mod audit;
mod authorize;
mod backup;
mod canary;
mod check;
mod clocks;
mod completions;
mod config;
mod counter;
mod crew;
mod ctl;
mod dead_letters;
mod demo;
mod doctor;
mod examine;
mod exit;
mod explain;
mod forget;
mod house;
mod init;
mod leads;
mod logging;
mod man;
mod outcomes;
mod plan;
mod prefix;
mod provision;
mod referral;
mod referrals;
mod release;
mod renewal;
mod reports;
mod reprocess;
mod restore;
mod resync;
mod run;
#[cfg(test)]
mod samples;
mod screen;
mod send_test;
mod show;
mod signals;
mod spans;
mod spending;
mod status;
mod tables;
mod warnings;
mod watchdog;
mod when;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use exit::Exit;

/// Takes custody of every marketplace lead and brings it to the CRM, once.
#[derive(Debug, Parser)]
#[command(name = "leadsync", version, about, propagate_version = true, after_help = exit::HELP)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the config is, and how answers look.
#[derive(Clone, Debug, Args)]
struct Place {
    /// The config: a directory with leadsync.toml, or the file itself
    #[arg(
        long,
        global = true,
        env = "LEADSYNC_CONFIG",
        default_value = "/etc/leadsync",
        value_name = "PATH"
    )]
    config: PathBuf,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon until it is told to stop
    Run(run::RunArgs),
    /// Show the whole way of a lead on this machine, with pretended receivers; leaves nothing behind
    Demo(demo::DemoArgs),
    /// Write a config to begin with, and the secrets nobody else has to make
    Init(init::InitArgs),
    /// Tell the running daemon what to do, and wait for the result
    #[command(subcommand)]
    Ctl(ctl::CtlCommand),
    /// Check the config and say where it is wrong; changes nothing
    Check(check::CheckArgs),
    /// Describe what may be written in a config
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look at everything that may be in a lead's way to a system, and say what to do; changes nothing
    Doctor(doctor::DoctorArgs),
    /// What an edited config would write otherwise, on stored leads, field by field; sends nothing
    Plan(plan::PlanArgs),
    /// Make a system ready for leads: fields, keys, rights. Shows what is missing, unless told to act
    Provision(provision::ProvisionArgs),
    /// Let a person sign in for a connector that acts for one, in a browser or on another device
    Authorize(authorize::AuthorizeArgs),
    /// One screen: what came in, what waits, which destination rests
    Status,
    /// List leads, newest first, each with its fate
    Leads(leads::LeadsArgs),
    /// Show everything known of one lead
    Show(show::ShowArgs),
    /// The whole history of a lead, both ways, and what to do; by any id it has anywhere
    Explain(explain::ExplainArgs),
    /// What became of leads in the CRMs: accepted, declined, won, lost; and whether it was reported
    Outcomes(outcomes::OutcomesArgs),
    /// List referrals, newest first, each with its report
    Referrals(referrals::ReferralsArgs),
    /// Accept, decline, change or close a referral by hand, link it, or make one
    #[command(subcommand)]
    Referral(referral::ReferralCommand),
    /// The times Microsoft set, and how much of each is left
    Clocks(clocks::ClocksArgs),
    /// Look at dead letters, requeue or discard them
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// Open a held or parked destination again
    Release(release::ReleaseArgs),
    /// Read arrivals once more by today's rules, from the bytes they came in
    Reprocess(reprocess::ReprocessArgs),
    /// Copy the whole store into one file, while the daemon runs
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the store; the daemon must be down
    Restore(restore::RestoreArgs),
    /// Erase everything kept of a person, and say where else they are; a late duplicate stays out
    Forget(forget::ForgetArgs),
    /// Send a marked test lead through the public URL to every destination, and take it away again
    Canary(canary::CanaryArgs),
    /// Hold the ledger against what the other systems hold, and name every difference; changes nothing
    Audit(audit::AuditArgs),
    /// Deliver again what the ledger says is delivered, behind everything live; and to a newcomer what it missed
    Resync(resync::ResyncArgs),
    /// Post a lead like Microsoft's test lead to an intake URL
    SendTest(send_test::SendTestArgs),
    /// Print what makes a shell complete the commands of leadsync
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write all of them into a directory
    Man(man::ManArgs),
}

/// Runs the program; the exit codes stand in `leadsync --help`.
pub fn main() -> ExitCode {
    // An error here means that somebody installed a provider before: as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Cli { place, command } = Cli::parse();
    let ended = match command {
        Command::Run(args) => run::run(&place, &args),
        Command::Demo(args) => demo::demo(&place, &args),
        Command::Init(args) => init::init(&place, &args),
        Command::Ctl(command) => ctl::ctl(&place, &command),
        Command::Check(args) => check::check(&place, &args),
        Command::Config(command) => config::config(&command),
        Command::Doctor(args) => doctor::doctor(&place, &args),
        Command::Plan(args) => plan::plan(&place, &args),
        Command::Provision(args) => provision::provision(&place, &args),
        Command::Authorize(args) => authorize::authorize(&place, &args),
        Command::Status => status::status(&place),
        Command::Leads(args) => leads::leads(&place, &args),
        Command::Show(args) => show::show(&place, &args),
        Command::Explain(args) => explain::explain(&place, &args),
        Command::Referrals(args) => referrals::referrals(&place, &args),
        Command::Referral(command) => referral::referral(&place, command),
        Command::Clocks(args) => clocks::clocks(&place, &args),
        Command::Outcomes(args) => outcomes::outcomes(&place, &args),
        Command::DeadLetters(command) => dead_letters::dead_letters(&place, &command),
        Command::Release(args) => release::release(&place, &args),
        Command::Reprocess(args) => reprocess::reprocess(&place, &args),
        Command::Backup(args) => backup::backup(&place, &args),
        Command::Restore(args) => restore::restore(&place, &args),
        Command::Forget(args) => forget::forget(&place, &args),
        Command::Canary(args) => canary::canary(&place, &args),
        Command::Audit(args) => audit::audit(&place, &args),
        Command::Resync(args) => resync::resync(&place, &args),
        Command::SendTest(args) => send_test::send_test(&place, &args),
        Command::Completions(args) => {
            completions::completions(&args);
            Ok(())
        }
        Command::Man(args) => man::man(&args),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.say(place.json),
    }
}
