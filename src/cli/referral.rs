//! `leadsync referral`: what the CRM would say, said by hand, under the same rules.

mod create;
mod given;
mod order;

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use connector_kit::referral::Member;
use connector_kit::{Amount, ReferralChange, ReferralId, ReferralMove};

use super::{Exit, Place, house, reports, screen};
use crate::store::ReferralStore;

/// How a command about one referral ends.
const ENDS: &str = "\
The same rules hold as for what the CRM says: nothing is sent that would be refused, and a closed referral is never changed.
It works whether the daemon runs or not. What cannot be done at once stays ordered, and the daemon does it.
Ends with
  0   it is done, or was so before
  4   it is ordered, and not done yet; the message says why
  66  there is no such referral
  69  it is ordered, but the other side does not answer
  77  it cannot be done; the message says why and what to do";

/// The reasons the other side's own pages offer (contract partner-center 5.2).
const REASONS: &str = "\
Reasons Partner Center knows: Project budget not adequate; Customer did not respond; Customer chose another vendor;
Customer requirement not met; Not a customer; Proposed timeline too short; Report as abuse, spam or phishing; Others.
Any other text is taken as well.";

#[derive(Debug, Subcommand)]
pub(super) enum ReferralCommand {
    /// Somebody works on it: needs name, value, currency and closing date, here or in the referral
    #[command(after_help = ENDS)]
    Accept(EditArgs),
    /// Nobody will work on it: only while it is new
    #[command(after_help = REASONS, after_long_help = format!("{REASONS}\n\n{ENDS}"))]
    Decline(ReasonArgs),
    /// Change what it says, without a step
    #[command(after_help = ENDS)]
    Edit(EditArgs),
    /// Sold. A new referral is accepted first
    #[command(after_help = ENDS)]
    Won(WonArgs),
    /// Not sold: only once it was accepted
    #[command(after_help = REASONS, after_long_help = format!("{REASONS}\n\n{ENDS}"))]
    Lost(ReasonArgs),
    /// What becomes of its lead in the CRM is what becomes of it
    Link(LinkArgs),
    /// What becomes of its lead in the CRM is no business of it
    Unlink(LinkArgs),
    /// Make a referral of our own
    Create(CreateArgs),
}

/// Which referral, and whether to act.
#[derive(Clone, Debug, Args)]
pub(super) struct Target {
    /// The referral's id, as in `leadsync referrals`
    referral: ReferralId,
    /// Show what would be written, and write nothing
    #[arg(long)]
    plan: bool,
    /// How long to wait for somebody else who works on it
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Duration,
}

/// The money side of it.
#[derive(Clone, Debug, Args)]
struct TermsArgs {
    /// What the deal is worth: 25000.00
    #[arg(long, value_parser = given::value)]
    value: Option<Amount>,
    /// Three letters: EUR
    #[arg(long, value_parser = given::currency)]
    currency: Option<String>,
    /// The day it closes
    #[arg(long, value_name = "YYYY-MM-DD")]
    closes: Option<NaiveDate>,
}

#[derive(Debug, Args)]
pub(super) struct EditArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    terms: TermsArgs,
    /// The deal's name
    #[arg(long, value_parser = given::text)]
    name: Option<String>,
    /// Free text, as the other side will read it
    #[arg(long, value_parser = given::text)]
    notes: Option<String>,
    /// The id of our record
    #[arg(long, value_name = "ID", value_parser = given::text)]
    crm_id: Option<String>,
    /// A marketing campaign
    #[arg(long, value_name = "ID", value_parser = given::text)]
    campaign: Option<String>,
    /// Somebody of ours to add to it: "Jane Doe <jane@example.com>"; may be repeated
    #[arg(long, value_name = "NAME <MAIL>", value_parser = given::member)]
    member: Vec<Member>,
}

#[derive(Debug, Args)]
pub(super) struct WonArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    terms: TermsArgs,
}

#[derive(Debug, Args)]
pub(super) struct ReasonArgs {
    #[command(flatten)]
    target: Target,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = given::text)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// The referral's id, as in `leadsync referrals`
    referral: ReferralId,
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The connector it is made through, as its file in connectors.d is called
    connector: String,
    /// The referral as the other side's documentation describes it, in JSON, with an externalReferenceId
    file: PathBuf,
    /// Only look whether the file can be sent
    #[arg(long)]
    plan: bool,
}

/// Does what is asked for, and tells how it ended.
pub(super) fn referral(place: &Place, command: ReferralCommand) -> Result<(), Exit> {
    let (target, change) = match command {
        ReferralCommand::Accept(args) => args.change(Some(ReferralMove::Accept)),
        ReferralCommand::Edit(args) => args.change(None),
        ReferralCommand::Decline(args) => args.change(ReferralMove::Decline),
        ReferralCommand::Lost(args) => args.change(ReferralMove::Lose),
        ReferralCommand::Won(args) => (args.target, args.terms.change(Some(ReferralMove::Win))),
        ReferralCommand::Link(args) => return link(place, &args.referral, true),
        ReferralCommand::Unlink(args) => return link(place, &args.referral, false),
        ReferralCommand::Create(args) => return create::create(place, &args),
    };
    if change.is_empty() {
        return Err(Exit::usage(
            "say what to change: --name, --value, --closes, .. (see --help)",
        ));
    }
    if target.plan {
        return order::plan(place, &target.referral, &change);
    }
    order::carry_out(place, &target, change)
}

impl TermsArgs {
    fn change(self, step: Option<ReferralMove>) -> ReferralChange {
        ReferralChange {
            step,
            value: self.value,
            currency: self.currency,
            closes_on: self.closes,
            ..ReferralChange::default()
        }
    }
}

impl EditArgs {
    fn change(self, step: Option<ReferralMove>) -> (Target, ReferralChange) {
        let change = ReferralChange {
            name: self.name,
            notes: self.notes,
            external_reference: self.crm_id,
            campaign: self.campaign,
            team: self.member,
            ..self.terms.change(step)
        };
        (self.target, change)
    }
}

impl ReasonArgs {
    fn change(self, step: ReferralMove) -> (Target, ReferralChange) {
        let change = ReferralChange {
            step: Some(step),
            reason: Some(self.reason),
            ..ReferralChange::default()
        };
        (self.target, change)
    }
}

/// Links or unlinks it; what follows from that, the daemon reports.
fn link(place: &Place, id: &ReferralId, linked: bool) -> Result<(), Exit> {
    let asked = id.clone();
    let story = house::act(place, |store| async move {
        let is_known = store.link(&asked, linked, house::now()).await?;
        Ok(if is_known {
            store.referral(&asked).await?
        } else {
            None
        })
    })?;
    let story = story.ok_or_else(|| order::unknown(id))?;
    if place.json {
        screen::json(&reports::as_json(&story));
    } else {
        let what = if linked {
            "what becomes of its lead in the CRM is reported from now on"
        } else {
            "what becomes of its lead in the CRM is not reported any more"
        };
        screen::line(format_args!("{id} is {}: {what}", story.row.link.as_str()));
    }
    Ok(())
}
