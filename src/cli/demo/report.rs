//! What is said before and after the live view.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::screen;
use super::look::{Colour, Look};
use crate::demo::verdict::Unreported;
use crate::demo::{Site, Summary, Verdict, receivers};
use crate::store::DeadLetter;

/// A lead to paste.
const YOURS: &str = r#"{"UserDetails":{"FirstName":"Grace","LastName":"Okoro","Email":"grace@woodgrove.example","Country":"GB","Company":"Woodgrove"},"LeadSource":"AzureMarketplace-INS|contoso.contoso-backup-saas","ActionCode":"INS","OfferTitle":"Contoso Backup"}"#;

/// What this is.
pub(super) fn greet(look: Look, site: &Site, port: u16) {
    if look.json {
        return;
    }
    screen::line(format_args!(
        "A real daemon, pretended receivers, people who do not exist. Nothing leaves this machine.\n\n\
         \x20 intake       {}\n\
         \x20 webhook      signed posts over HTTPS; it asks for a rest once, and refuses one lead\n\
         \x20 referrals    Partner Center refers five customers, and hears what becomes of them\n\
         \x20 salesforce   leads in an org; people win some and lose one\n\
         \x20 dynamics365  leads in an environment; people win, lose and decline some\n\
         \x20 leads-table  rows in a storage account\n\
         \x20 leads-file   {}\n\
         \x20 store        {}\n",
        site.intake_url(port),
        site.leads_file().display(),
        site.directory().join("state/leadsync.db").display(),
    ));
}

/// The numbers, and whether they are right.
pub(super) fn sum_up(look: Look, verdict: &Verdict) {
    if look.json {
        return sum_up_json(look, verdict);
    }
    let Summary {
        accepted,
        repeats,
        merged,
        leads,
        delivered,
        suppressed,
        quarantined,
        dead,
        p50_ms,
        p99_ms,
        crm_outcomes,
        outcomes,
    } = &verdict.summary;
    let (posted, referred) = (verdict.summary.posted(), verdict.summary.referred());
    let right = if verdict.faults.is_empty() {
        look.paint(Colour::Green, "each is at its receiver, exactly once")
    } else {
        look.paint(Colour::Red, "but not as promised, see below")
    };
    let (going, destinations) = (leads - suppressed, receivers::NAMES.len() as u64);
    let wanted = going * destinations;
    screen::line(format_args!(
        "\n\
         accepted     {accepted} bodies: {posted} new leads, {merged} merged, {repeats} repeat; beside them {quarantined} unreadable, in quarantine\n\
         referrals    {referred} from Partner Center: as many new leads\n\
         suppressed   {suppressed} leads: a test lead, and one who must not be contacted\n\
         delivered    {delivered} of {wanted} ({going} leads, {destinations} destinations), {right}; {dead} dead letter\n\
         time         from receipt to delivery: p50 {p50_ms} ms, p99 {p99_ms} ms (with the rest the webhook asked for)\n\
         in the CRMs  {} won, {} lost, {} declined, as people decided\n\
         outcomes     of the referrals {} won, {} lost, {} declined, {} expired, as Partner Center holds them; {} refused",
        crm_outcomes.won,
        crm_outcomes.lost,
        crm_outcomes.declined,
        outcomes.won,
        outcomes.lost,
        outcomes.declined,
        outcomes.expired,
        outcomes.refused,
    ));
    verdict.dead_letters.iter().for_each(mourn);
    verdict.refusals.iter().for_each(regret);
    for fault in &verdict.faults {
        screen::line(format_args!(
            "{}        {fault}",
            look.paint(Colour::Red, "fault")
        ));
    }
}

/// The object alone when nothing else is said; among other lines it says what it is.
fn sum_up_json(look: Look, verdict: &Verdict) {
    let mut summary = json!(verdict.summary);
    if !look.summary_only {
        summary["step"] = json!("summary");
    }
    screen::line(summary);
}

/// What one can do now.
pub(super) fn invite(look: Look, site: &Site, port: u16, verdict: &Verdict) {
    let url = site.intake_url(port);
    let (ca, directory) = (site.ca_file(), site.directory());
    if look.json {
        return screen::line(json!({ "step": "waiting", "intake": url, "ca_file": ca, "config": directory }));
    }
    screen::line(format_args!(
        "\nPost a lead of yours:\n  curl -sS --cacert {} {url} \\\n    -d '{YOURS}'\n\nLook from a second terminal:",
        ca.display(),
    ));
    for words in ["status", "leads", "referrals", "outcomes", "clocks"] {
        screen::line(command(directory, words));
    }
    if let Some(refused) = verdict.refusals.first() {
        let id = &refused.referral;
        screen::line(
            "\nA deal in a CRM does not say what it is worth. Look at its referral, and accept it by hand:",
        );
        screen::line(command(directory, &format!("explain {id}")));
        screen::line(command(
            directory,
            &format!("referral accept {id} --value 9000 --currency EUR --closes 2027-03-31"),
        ));
    }
    if let Some(letter) = verdict.dead_letters.first() {
        screen::line(
            "\nThe webhook has been corrected meanwhile. Look at the dead letter, and send it again:",
        );
        screen::line(command(directory, &format!("show {}", letter.lead)));
        screen::line(command(
            directory,
            &format!("dead-letters requeue {}", letter.lead),
        ));
    }
    screen::line("\nRunning until Ctrl-C, which takes everything away again.\n");
}

/// One dead letter, and what to do about it.
fn mourn(letter: &DeadLetter) {
    screen::line(format_args!(
        "dead letter  lead {} at {}\n             why   {}, {}\n             hint  {}",
        letter.lead,
        letter.destination,
        screen::clean(&letter.failure.what),
        screen::clean(letter.failure.answer.as_deref().unwrap_or("without an answer")),
        screen::clean(&letter.failure.hint),
    ));
}

/// One outcome that could not be reported, and what to do about it.
fn regret(refused: &Unreported) {
    screen::line(format_args!(
        "refused      referral {}\n             why   {}\n             hint  {}",
        refused.referral,
        screen::clean(&refused.reason),
        screen::clean(&refused.hint),
    ));
}

/// A command to paste.
fn command(config: &Path, words: &str) -> String {
    format!("  {} {words} --config {}", program().display(), config.display())
}

/// This program, as it may be typed from here.
fn program() -> PathBuf {
    let Ok(path) = std::env::current_exe() else {
        return PathBuf::from("leadsync");
    };
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).map(PathBuf::from).unwrap_or(path)
}
