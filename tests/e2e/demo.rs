//! The demo keeps its word: the numbers are exact, nothing is said twice, nobody is named in a log.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// What only a person of a sample would bring into a log.
const CANARIES: [&str; 20] = [
    "Lindqvist",
    "Rossi",
    "Kenji",
    "Öztürk",
    "Okafor",
    "Raman",
    "fabrikam",
    "treyresearch",
    "cut.off@",
    "85550100",
    "5550 100",
    "MSFT_TEST_",
    "Carvalho",
    "Wolny",
    "Kolbe",
    "Saleh",
    "vanarsdel",
    "fourthcoffee",
    "210 555 014",
    "blueyonder",
];

fn program(temporary: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_leadsync"));
    program
        .arg("demo")
        .env("TMPDIR", temporary)
        // What belongs to another daemon of the same user must not matter.
        .env("LEADSYNC_STATE_DIR", "/nowhere")
        .stdin(Stdio::null());
    program
}

fn demo(more: &[&str], temporary: &Path) -> Output {
    program(temporary).arg("--exit").args(more).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_demo_ends_with_the_promised_numbers_and_one_object() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&["--json"], temporary.path());
    let (out, err) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(err, "");

    let objects: Vec<Value> = serde_json::Deserializer::from_str(&out)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let [summary] = objects.as_slice() else {
        panic!("{} objects: {out}", objects.len());
    };
    for (name, count) in [
        ("accepted", 19),
        ("repeats", 1),
        ("merged", 2),
        ("leads", 21),
        ("delivered", 94),
        ("suppressed", 2),
        ("quarantined", 1),
        ("dead", 1),
    ] {
        assert_eq!(summary[name], count, "{name} of {summary}");
    }
    let crms = json!({ "won": 3, "lost": 2, "declined": 2 });
    assert_eq!(summary["crm_outcomes"], crms, "{summary}");
    let referrals = json!({ "won": 1, "lost": 1, "declined": 1, "refused": 1, "expired": 1 });
    assert_eq!(summary["outcomes"], referrals, "{summary}");
    let time = |name: &str| summary[name].as_f64().unwrap();
    assert!(
        0.0 < time("p50_ms") && time("p50_ms") <= time("p99_ms"),
        "{summary}"
    );
    assert!(
        time("p99_ms") >= 900.0,
        "the webhook asked for a second: {summary}"
    );
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn the_demos_log_tells_every_fate_and_names_nobody() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&["--json", "--log"], temporary.path());
    let log = said(&output.stderr);
    assert!(output.status.success(), "{log}");
    for fate in [
        "lead_new",
        "lead_merged",
        "lead_repeat",
        "dead_letter",
        "outcome",
        "referral_changed",
        "referral_reported",
        "report_refused",
    ] {
        assert!(log.contains(fate), "{fate} is not in {log}");
    }
    // Those that were read together are told of in one line.
    let together = (1..=5).any(|how_many| log.contains(&format!("\"referrals\":{how_many}")));
    let told = log.contains("\"referral_new\"") || together;
    assert!(told, "no referral is in {log}");
    for canary in CANARIES {
        assert!(!log.contains(canary), "{canary} in {log}");
    }
}

#[test]
fn the_demos_screen_shows_hold_recovery_dead_letter_gate_and_what_became_of_referrals() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&[], temporary.path());
    let out = said(&output.stdout);
    assert!(output.status.success(), "{out}");
    // Destinations do not wait for each other, so only what follows from another has an order.
    for chain in [
        &[
            "accepted     marketplace     #1\n",
            "understood   new lead: Ada Lindqvist, Fabrikam AB, acquired it\n",
            "held         webhook         throttled",
            "recovered    webhook",
            "delivered    webhook         Ada Lindqvist, Fabrikam AB\n",
        ][..],
        &[
            "suppressed   do not contact: Kenji Sato",
            "suppressed   test lead",
        ],
        &[
            "repeat       the same touch again of Ada Lindqvist",
            "refused      400",
            "dead letter  webhook         Priya Raman, Trey Research: rejected\n",
            "hint  correct the field mapping, then requeue\n",
        ],
        &[
            "dead letter  webhook",
            "won          salesforce      Ada Lindqvist, Fabrikam AB: Closed Won",
            "referral in  partner-center  sales-qualified: Ines Carvalho, VanArsdel",
            "delivered    salesforce      Ines Carvalho, VanArsdel\n",
            "accepted     salesforce      Ines Carvalho, VanArsdel: Prospecting, 48000.0 EUR\n",
            "accepted     partner-center  Ines Carvalho, VanArsdel: Active/Accepted\n",
            "won          salesforce      Ines Carvalho, VanArsdel: Closed Won, 52000.0 EUR\n",
            "won          partner-center  Ines Carvalho, VanArsdel: Closed/Won, 52000.0 EUR\n",
            "in the CRMs  3 won, 2 lost, 2 declined",
            "1 won, 1 lost, 1 declined, 1 expired, as Partner Center holds them; 1 refused\n",
            "why   to accept it, there is no deal value, no currency\n",
        ],
        &["declined     dynamics365     Some One, Fabrikam: Disqualified"],
        &["declined     partner-center  Tomasz Wolny, Fourth Coffee: Closed/Declined, Cannot Contact\n"],
        &[
            "accepted     partner-center  Hana Kolbe, Coho Winery: Active/Accepted\n",
            "lost         partner-center  Hana Kolbe, Coho Winery: Closed/Lost, Out-Sold\n",
        ],
        &[
            "refused      partner-center  Noor Saleh, Humongous Insurance: to accept it, there is no deal value",
        ],
        &[
            "referral in  partner-center  customer-inquiry: Elif Tan, Blue Yonder Airlines, wants to be called",
            "expired      partner-center  Elif Tan, Blue Yonder Airlines: Closed/Expired\n",
        ],
    ] {
        let mut rest = out.as_str();
        for step in chain {
            let at = rest.find(step);
            assert!(at.is_some(), "{step:?} is missing, or too early, in {out}");
            rest = &rest[at.unwrap()..];
        }
    }
    assert!(!out.contains('\u{1b}'), "no colours where nobody looks: {out:?}");
}

#[test]
fn the_demo_waits_until_told_to_stop_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut running = program(temporary.path())
        .arg("--json")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut steps = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let waiting = steps.find(|step| step["step"] == "waiting").unwrap();
    let config = Path::new(waiting["config"].as_str().unwrap());
    assert!(config.starts_with(temporary.path()) && config.join("leadsync.toml").exists());

    let status = Command::new(env!("CARGO_BIN_EXE_leadsync"))
        .args(["status", "--json", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let count = |state: &str| status["deliveries"][state].as_u64().unwrap();
    assert_eq!(count("delivered") + count("closed"), 94, "{status}");

    let process = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert!(running.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
