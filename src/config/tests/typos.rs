//! Seeded slips of the finger, each with the place and the word the operator must be told.

use std::collections::BTreeMap;

use super::{CRM, load_with, repository};
use crate::config::Config;

/// What is written, and what is told: line, column, key, guess, part of the message.
type Slip = (
    &'static str,
    usize,
    usize,
    &'static str,
    Option<&'static str>,
    &'static str,
);

const IN_THE_MAIN_FILE: [Slip; 24] = [
    (
        "state_dri = '/x'",
        1,
        1,
        "state_dri",
        Some("state_dir"),
        "unknown field",
    ),
    (
        "[lisen]\npublic = 'x'",
        1,
        2,
        "lisen",
        Some("listen"),
        "unknown field",
    ),
    (
        "[listen]\npubilc = 'x'",
        2,
        1,
        "listen.pubilc",
        Some("public"),
        "unknown field",
    ),
    (
        "\n[listen]\n  public = '8080'",
        3,
        3,
        "listen.public",
        None,
        "invalid socket address",
    ),
    (
        "[listen]\nadmin = '0.0.0.0:1'",
        2,
        1,
        "listen.admin",
        None,
        "loopback only",
    ),
    (
        "[listen.tls]\ncertificate = 'x'",
        1,
        9,
        "listen.tls",
        None,
        "missing field `key`",
    ),
    (
        "[intake]\nmax_body = '64KiBs'",
        2,
        1,
        "intake.max_body",
        None,
        "a size like",
    ),
    (
        "[intake]\nqueue = '5k'",
        2,
        1,
        "intake.queue",
        None,
        "a whole number above zero, found a text",
    ),
    (
        "[intake]\nmax_keys = 0",
        2,
        1,
        "intake.max_keys",
        None,
        "above zero",
    ),
    (
        "[intake]\nbody_timeout = 10",
        2,
        1,
        "intake.body_timeout",
        None,
        "a duration in quotes",
    ),
    (
        "[intake]\nbody_timeout = '10x'",
        2,
        1,
        "intake.body_timeout",
        None,
        "a duration like",
    ),
    (
        "[intake]\nrate_per_address = 'of'",
        2,
        1,
        "intake.rate_per_address",
        None,
        "\"off\"",
    ),
    (
        "[intake]\nrate_per_address = { per_secnd = 1, burst = 1 }",
        2,
        22,
        "intake.rate_per_address.per_secnd",
        Some("per_second"),
        "unknown field",
    ),
    (
        "[intake]\ntrusted_proxies = ['10.0.0.0/8', '10.1/8']",
        2,
        34,
        "intake.trusted_proxies[1]",
        None,
        "not a network",
    ),
    (
        "[dedupe]\nby = 'persons'",
        2,
        1,
        "dedupe.by",
        Some("person"),
        "unknown variant",
    ),
    (
        "[log]\nlevel = 'inof'",
        2,
        1,
        "log.level",
        Some("info"),
        "unknown variant",
    ),
    (
        "[log]\nformat = 'jorunald'",
        2,
        1,
        "log.format",
        Some("journald"),
        "unknown variant",
    ),
    (
        "[sources.Web]\nsecrets = [{ env = 'A' }]",
        1,
        10,
        "sources.Web",
        None,
        "1 to 64 of a-z",
    ),
    (
        "[sources.web]\nsecrets = []",
        2,
        1,
        "sources.web.secrets",
        None,
        "one secret, or two",
    ),
    (
        "[sources.web]\nsecrets = [{ evn = 'A' }]",
        2,
        14,
        "sources.web.secrets[0].evn",
        Some("env"),
        "unknown field",
    ),
    (
        "[sources.web]\nsecrets = [{}]",
        2,
        12,
        "sources.web.secrets[0]",
        None,
        "exactly one of",
    ),
    (
        "[[route]]\nto = ['crm']\n[[route]]\nto = ['cmr']",
        4,
        7,
        "route[1].to[0]",
        Some("crm"),
        "no destination",
    ),
    (
        "[[route]]\nwhen = 'contry == 1'\nto = []",
        2,
        1,
        "route[0].when",
        Some("country"),
        "a route knows no",
    ),
    ("[listen]\npublic = ", 2, 10, "listen.public", None, "string"),
];

const IN_A_CONNECTOR: [Slip; 19] = [
    (
        "role = ['destination']",
        3,
        1,
        "role",
        Some("roles"),
        "unknown field",
    ),
    (
        "concurency = 3",
        3,
        1,
        "concurency",
        Some("concurrency"),
        "unknown field",
    ),
    (
        "[retry]\nshedule = ['5s']",
        4,
        1,
        "retry.shedule",
        Some("schedule"),
        "unknown field",
    ),
    (
        "[retry]\nschedule = ['5s', '5 apples']",
        4,
        19,
        "retry.schedule[1]",
        None,
        "a duration like",
    ),
    ("[retry]\njitter = 2", 4, 1, "retry.jitter", None, "from 0 to 1"),
    ("[hold]\nfirst = '2m'", 4, 1, "hold.first", None, "hold.max"),
    (
        "[budget]\ncalls_per_day = 0",
        4,
        1,
        "budget.calls_per_day",
        None,
        "above zero",
    ),
    (
        "[budget]\ncalls_per_day = 1\nreserve = 20",
        5,
        1,
        "budget.reserve",
        None,
        "from 0 to 1",
    ),
    (
        "[budget]\ncalls_per_day = 1\nday_starts = '6 am'",
        5,
        1,
        "budget.day_starts",
        None,
        "a time of day like",
    ),
    (
        "[budget]\ncalls_per_dya = 1",
        4,
        1,
        "budget.calls_per_dya",
        Some("calls_per_day"),
        "unknown field",
    ),
    (
        "[report]\nauto_acept = true",
        4,
        1,
        "report.auto_acept",
        Some("auto_accept"),
        "unknown field",
    ),
    (
        "[report.fields]\nvalue = 'newset'",
        4,
        1,
        "report.fields.value",
        Some("newest"),
        "unknown variant",
    ),
    (
        "[report]\nauto_accept = true",
        3,
        2,
        "report",
        None,
        "outcome-sink",
    ),
    (
        "rate = { per_second = 0, burst = 1 }",
        3,
        10,
        "rate.per_second",
        None,
        "above zero",
    ),
    (
        "[mapping.Email]\nfrom = 'person.emial'",
        4,
        1,
        "mapping.Email.from",
        Some("person.email"),
        "a lead has no",
    ),
    (
        "[mapping]\nEmail = { form = 'person.email' }",
        4,
        11,
        "mapping.Email.form",
        Some("from"),
        "unknown field",
    ),
    (
        "[mapping]\nEmail = { from = 'person.email', pipe = ['trim', 'lowr'] }",
        4,
        50,
        "mapping.Email.pipe[1]",
        Some("lower"),
        "no function",
    ),
    (
        "[mapping]\nA = { from = 'id', write = 'creat_only' }",
        4,
        20,
        "mapping.A.write",
        Some("create_only"),
        "unknown variant",
    ),
    (
        "[tables.states]\na = 'b'\n[mapping]\nA = { from = 'intent', pipe = ['map(state)'] }",
        6,
        32,
        "mapping.A.pipe[0]",
        Some("states"),
        "no [tables.state]",
    ),
];

fn check(slip: &Slip, main: &str, crm: &str, file: &str) {
    let (written, line, column, key, guess, part) = slip;
    let wrong = load_with(main, crm, &[]).map(|_| ()).expect_err(written);
    let mistake = &wrong.mistakes()[0];
    assert!(mistake.file.ends_with(file), "{written}: {wrong}");
    assert_eq!(
        (mistake.line, mistake.column),
        (*line, *column),
        "{written}: {wrong}"
    );
    assert_eq!(
        (mistake.key.as_str(), mistake.did_you_mean.as_deref()),
        (*key, *guess),
        "{written}: {wrong}"
    );
    assert!(mistake.message.contains(part), "{written}: {wrong}");
    assert_eq!(
        wrong.mistakes().len(),
        1,
        "{written}: one slip is one mistake: {wrong}"
    );
}

#[test]
fn a_slip_in_the_main_file_is_told_with_place_key_and_guess() {
    for slip in &IN_THE_MAIN_FILE {
        check(slip, slip.0, CRM, "leadsync.toml");
    }
}

#[test]
fn a_slip_in_a_connector_is_told_with_place_key_and_guess() {
    for slip in &IN_A_CONNECTOR {
        check(slip, "", &format!("{CRM}{}\n", slip.0), "connectors.d/crm.toml");
    }
}

/// Three forms of the same load: lines, a terminal's, a program's.
#[test]
fn all_mistakes_of_a_load_are_told_together_in_every_form() {
    let directory = repository().join("tests/fixtures/config/broken");
    let wrong = Config::load(&directory, &BTreeMap::new()).expect_err("broken on purpose");
    let plain = wrong
        .to_string()
        .replace(&format!("{}/", directory.display()), "");
    let expected = std::fs::read_to_string(directory.join("expected.txt")).expect("expected.txt");
    assert_eq!(plain.trim(), expected.trim());

    let fancy = wrong.fancy();
    assert!(
        fancy.contains("pubilc = ") && fancy.contains("write `public`"),
        "{fancy}"
    );
    let json = wrong.to_json();
    assert_eq!(json[0]["key"], "listen.pubilc");
    assert_eq!(json[0]["did_you_mean"], "public");
    assert_eq!(
        json.as_array().map(Vec::len),
        Some(expected.trim().lines().count())
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(128))]

    /// Half a config, a cat on the keyboard, a binary file: told, never a panic.
    #[test]
    fn no_text_makes_the_reader_panic(
        garbage in "[\\[\\]{}='\",.#a-z0-9_\n é\u{1F600}-]{0,60}",
        cut in 0_usize..4000,
        key in "[a-z.\\[\\]0-9\"]{0,12}",
    ) {
        let shipped = include_str!("../../../config/leadsync.toml");
        let main = format!("{}{garbage}", &shipped[..shipped.floor_char_boundary(cut)]);
        let document = crate::config::Document::new("f.toml", main.as_str());
        let (line, column) = document.position(document.locate(&key).start);
        proptest::prop_assert!(line > 0 && column > 0);
        if let Err(wrong) = load_with(&main, CRM, &[]) {
            proptest::prop_assert!(!wrong.mistakes().is_empty() && !wrong.fancy().is_empty());
        }
    }
}
