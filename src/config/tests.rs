//! Good configs load; bad ones are told with place, key and the word that was meant.

mod keys;
mod schema;
mod typos;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use connector_kit::ConfigError;
use connector_kit::secret::SecretReader;
use tempfile::TempDir;

use super::{Admin, Config, Diagnostics, Loaded, LogLevel, Rate};

/// A minimal destination.
const CRM: &str = "kind = 'file'\nroles = ['destination']\n";

/// A config directory with a main file and one connector called `crm`.
fn directory(main: &str, crm: &str) -> TempDir {
    let directory = TempDir::new().expect("temporary directory");
    std::fs::create_dir(directory.path().join("connectors.d")).expect("connectors.d");
    std::fs::write(directory.path().join("leadsync.toml"), main).expect("main file");
    std::fs::write(directory.path().join("connectors.d/crm.toml"), crm).expect("connector file");
    directory
}

fn load_with(main: &str, crm: &str, env: &[(&str, &str)]) -> Result<Loaded, Diagnostics> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Config::load(directory(main, crm).path(), &env)
}

fn load(main: &str) -> Result<Loaded, Diagnostics> {
    load_with(main, CRM, &[])
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_shipped_config_loads_and_says_the_defaults() {
    let loaded = Config::load(&repository().join("config"), &BTreeMap::new());
    let loaded = loaded.unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(loaded.config, Config::default());
    for connector in &loaded.connectors {
        assert_eq!(
            connector.path.file_stem().and_then(|stem| stem.to_str()),
            Some(connector.name.as_str())
        );
    }
}

/// Every setting that is commented out in the shipped file must be right when somebody uncomments it.
#[test]
fn the_commented_examples_of_the_shipped_config_load_too() {
    let text = std::fs::read_to_string(repository().join("config/leadsync.toml")).expect("shipped config");
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if !example.starts_with(' ') => example,
            _ => line,
        })
        .collect();
    let text = uncommented.join("\n").replace("contoso-sales", "crm");
    let text = text.replace("\"webhook\"", "\"crm\"");
    let crm = CRM.replace("['destination']", "['destination', 'alerts']");
    let loaded = load_with(&text, &crm, &[]).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(loaded.config.clocks.alert.as_deref(), Some("crm"));
    assert!(loaded.config.listen.tls.is_some() && loaded.config.store.path.is_some());
    assert_eq!(
        (
            loaded.config.sources.len(),
            loaded.config.routes.len(),
            loaded.config.tables.len()
        ),
        (1, 1, 1)
    );
}

#[test]
fn a_connector_needs_only_kind_and_roles() {
    let loaded = load("").expect("loads");
    let crm = &loaded.connectors[0];
    assert_eq!(
        (crm.name.as_str(), crm.account.as_str(), crm.concurrency),
        ("crm", "default", 2)
    );
    assert_eq!((crm.rate, crm.lease), (Rate::of(5, 10), Duration::from_mins(2)));
    let waits: Vec<u64> = crm.retry.schedule.iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [5, 300, 1800, 7200, 18_000, 36_000, 36_000]);
    assert_eq!(
        loaded.config.store_path(),
        Path::new("/var/lib/leadsync/leadsync.db")
    );
}

#[test]
fn a_budget_is_absent_or_keeps_a_fifth_from_midnight_on() {
    let budget = |text: &str| {
        let loaded = load_with("", &format!("{CRM}{text}"), &[]).expect("loads");
        let budget = loaded.connectors[0].budget?;
        Some((
            budget.calls_per_day.get(),
            budget.reserve,
            budget.day_starts.num_minutes(),
        ))
    };
    assert_eq!(budget(""), None);
    assert_eq!(budget("[budget]\ncalls_per_day = 5"), Some((5, 0.2, 0)));
    let all = "budget = { calls_per_day = 7, reserve = 0, day_starts = '06:30' }";
    assert_eq!(budget(all), Some((7, 0.0, 390)));
}

#[test]
fn a_report_follows_the_crm_and_accepts_nothing_by_itself_unless_told_to() {
    let sink = "kind = 'file'\nroles = ['outcome-sink']\n";
    let policy = |text: &str| {
        let loaded = load_with("", &format!("{sink}{text}"), &[]).expect("loads");
        loaded.connectors[0].report.clone().unwrap_or_default().policy()
    };
    assert_eq!(policy(""), crate::syncback::Policy::default());
    let written = policy(
        "[report]\ncurrency = 'EUR'\nfields = { value = 'partner-center' }\nauto_accept = true\nco_sell_won_after = '1h'\n\
         team = [{ first_name = 'Jane', last_name = 'Doe', email = 'jane@contoso.example' }]",
    );
    assert!(written.auto_accept && written.team.len() == 1);
    assert_eq!(written.fields.value, crate::syncback::Winner::PartnerCenter);
    assert_eq!(written.fields.closes_on, crate::syncback::Winner::Crm);
    for (wrong, key) in [
        ("currency = 'euro'", "report.currency"),
        (
            "team = [{ first_name = 'J', last_name = 'D', email = 'jane' }]",
            "report.team[0].email",
        ),
    ] {
        let found = load_with("", &format!("{sink}[report]\n{wrong}"), &[]).unwrap_err();
        assert_eq!(found.mistakes()[0].key, key, "{wrong}");
    }
}

#[test]
fn the_moments_of_a_clock_ascend_and_its_alerts_go_to_a_connector_that_wants_them() {
    let wrong = |clocks: &str| {
        let loaded = load(&format!("[clocks]\n{clocks}"));
        let wrong = loaded.err()?;
        assert!(
            wrong.to_string().contains("leadsync.toml:2:1: clocks."),
            "{wrong}"
        );
        Some(wrong.to_string())
    };
    for good in ["tell_at = []", "tell_at = [1]", "tell_at = [0.01, 0.75, 1.0]"] {
        assert_eq!(wrong(good), None, "{good}");
    }
    for bad in [
        "[0.0, 0.5]",
        "[0.9, 0.5]",
        "[0.5, 0.5]",
        "[0.5, 1.1]",
        "[-0.1]",
        "[nan]",
    ] {
        let message = wrong(&format!("tell_at = {bad}")).unwrap_or_else(|| panic!("{bad}"));
        assert!(message.contains("ascending"), "{bad}: {message}");
    }
    let unwilling = wrong("alert = 'crm'").expect("crm has another role");
    assert!(unwilling.contains("add \"alerts\" to its roles"), "{unwilling}");
    let unknown = wrong("alert = 'cmr'").expect("there is no cmr");
    assert!(unknown.contains("did you mean `crm`?"), "{unknown}");
}

#[test]
fn numbers_are_open_to_other_machines_only_with_a_token() {
    let wrong = |listen: &str| {
        load(&format!("[listen]\n{listen}\n"))
            .err()
            .map(|wrong| wrong.to_string())
    };
    let token = "metrics_token = { env = \"TOKEN\" }";
    for right in [
        "metrics = \"127.0.0.1:9464\"".to_owned(),
        "metrics = \"[::1]:9464\"".to_owned(),
        format!("metrics = \"0.0.0.0:9464\"\n{token}"),
        format!("metrics = \"127.0.0.1:9464\"\n{token}"),
        token.to_owned(),
    ] {
        assert_eq!(wrong(&right), None, "{right}");
    }
    for open in [
        "0.0.0.0:9464",
        "[::]:9464",
        "192.0.2.1:9464",
        "[::ffff:192.0.2.1]:9464",
    ] {
        let told = wrong(&format!("metrics = \"{open}\"")).unwrap_or_default();
        assert!(
            told.contains("listen.metrics: others can reach this address"),
            "{open}: {told}"
        );
    }
    let same = wrong("public = \"127.0.0.1:9464\"\nmetrics = \"127.0.0.1:9464\"").unwrap_or_default();
    assert!(same.contains("an address of their own"), "{same}");
    let two = "metrics_token = { env = \"TOKEN\", file = \"token\" }";
    assert!(wrong(two).unwrap_or_default().contains("listen.metrics_token"));
}

#[test]
fn a_source_has_the_rule_of_its_silence_or_its_own() {
    use crate::intake::silence::SilenceRule;
    let source = |silence: &str| format!("[sources.web]\nsecrets = [{{ env = 'WEB' }}]\n{silence}\n");
    let loaded = load(&format!("{}[silence]\nrule = 'off'\n", source("silence = '48h'"))).unwrap();
    let two_days = SilenceRule::After(std::time::Duration::from_hours(48));
    assert_eq!(loaded.config.silence.rule, SilenceRule::Off);
    assert_eq!(loaded.config.sources["web"].silence, Some(two_days));
    let listened = crate::app::listened(&loaded);
    assert_eq!(listened.len(), 1);
    assert_eq!((listened[0].name.as_str(), listened[0].rule), ("web", two_days));

    let usual = load(&source("")).unwrap();
    assert_eq!(crate::app::listened(&usual)[0].rule, SilenceRule::History);
    for (text, words) in [
        ("[silence]\nrule = 'sometimes'", "like \"48h\""),
        ("[silence]\nrule = '0s'", "like \"48h\""),
        ("[silence]\nalert = 'crm'", "add \"alerts\" to its roles"),
        ("[canary]\nurl = 'ftp://x'", "like \"https://leads.example.com\""),
        ("[canary]\nsource = 'wbe'", "no source is named `wbe`"),
    ] {
        let wrong = load(text).unwrap_err().to_string();
        assert!(wrong.contains(words), "{text}: {wrong}");
    }
}

#[test]
fn every_line_of_the_shipped_report_section_is_one_that_is_read() {
    let shipped = include_str!("../../config/connectors.d/partner-center.toml");
    let (_, section) = shipped.split_once("\n[report]\n").expect("a section");
    let (section, _) = section.split_once("\n[settings]\n").expect("its end");
    let lines = section
        .lines()
        .map(|line| line.strip_prefix("#   ").unwrap_or(line));
    let uncommented: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    let report: crate::config::Report = toml::from_str(&uncommented.join("\n")).expect("it is read");
    assert!(report.notes.is_some() && report.campaign.is_some() && report.currency.is_some());
    let as_shipped: crate::config::Report = toml::from_str(section).expect("it is read");
    assert_eq!(as_shipped, crate::config::Report::default());
}

#[test]
fn the_environment_stands_above_the_file_whatever_the_type() {
    let main = "[log]\nlevel = 'warn'\n[intake]\nqueue = 7\n";
    let env = [
        ("LEADSYNC_LOG__LEVEL", "debug"),
        ("LEADSYNC_INTAKE__QUEUE", "99"),
        ("LEADSYNC_INTAKE__RATE_PER_ADDRESS", "off"),
        ("LEADSYNC_INTAKE__TRUSTED_PROXIES", "['10.0.0.0/8']"),
        ("LEADSYNC_FORWARD_TEST_LEADS", "true"),
        ("LEADSYNC_STATE_DIR", "0123"),
        ("LEADSYNC_LISTEN__ADMIN", "127.0.0.1:9"),
        (
            "LEADSYNC_SOURCES__WEB__SECRETS",
            "[{ env = 'LEADSYNC_WEB_SECRET' }]",
        ),
        ("LEADSYNC_CRM_PASSWORD", "a secret some file names is no setting"),
        ("LEADSYNC_CONFIG", "/etc/leadsync"),
        ("OTHER_LOG__LEVEL", "error"),
    ];
    let crm = format!("{CRM}[settings]\npassword = {{ env = 'LEADSYNC_CRM_PASSWORD' }}\n");
    let config = load_with(main, &crm, &env)
        .unwrap_or_else(|wrong| panic!("{wrong}"))
        .config;
    assert_eq!((config.log.level, config.intake.queue), (LogLevel::Debug, 99));
    assert_eq!(
        (
            config.intake.rate_per_address,
            config.intake.trusted_proxies.len()
        ),
        (None, 1)
    );
    assert_eq!(
        (config.forward_test_leads, config.state_dir),
        (true, PathBuf::from("0123"))
    );
    assert_eq!(config.listen.admin, Admin::Tcp(([127, 0, 0, 1], 9).into()));
    assert_eq!(
        config.sources["web"].secrets[0].env.as_deref(),
        Some("LEADSYNC_WEB_SECRET")
    );
}

#[test]
fn a_wrong_variable_is_named_instead_of_a_line() {
    for (variable, value, key, guess) in [
        ("LEADSYNC_LISTEN__PUBILC", "x", "listen.pubilc", Some("public")),
        ("LEADSYNC_INTAKE__QUEUE", "many", "intake.queue", None),
        ("LEADSYNC_LISTNE__PUBLIC", "x", "listne", Some("listen")),
    ] {
        let wrong = load_with("", CRM, &[(variable, value)]).expect_err(variable);
        let [mistake] = wrong.mistakes() else {
            panic!("{wrong}")
        };
        assert_eq!(mistake.file, Path::new(&format!("${variable}")));
        assert_eq!(
            (mistake.key.as_str(), mistake.did_you_mean.as_deref()),
            (key, guess),
            "{wrong}"
        );
    }
}

#[test]
fn a_mistake_a_connector_finds_later_is_placed_in_its_file() {
    let loaded = load_with("", &format!("{CRM}\n[settings]\nurl = 'ftp://x'\n"), &[]).expect("loads");
    let error = ConfigError::new("settings.url", "expected an https URL");
    let mistake = loaded.mistake(Some("crm"), &error);
    assert!(mistake.file.ends_with("connectors.d/crm.toml"));
    assert_eq!((mistake.line, mistake.column), (5, 1));
    let error = ConfigError::new("settings.ulr", "unknown field `ulr`, expected `url` or `timeout`");
    assert_eq!(
        loaded.mistake(Some("crm"), &error).did_you_mean.as_deref(),
        Some("url")
    );
}

#[test]
fn a_secret_written_into_the_config_is_refused_and_never_shown() {
    let canary = "CANARY-4f9a8b7c6d5e4f3a2b1c";
    let main = format!("[sources.web]\nsecrets = ['{canary}']\n[listen]\npublic = '{canary}'\n");
    let crm = format!("{CRM}rate = '{canary}'\n");
    let wrong = load_with(&main, &crm, &[]).expect_err("refused");
    assert_eq!(wrong.mistakes().len(), 3, "{wrong}");
    assert!(!wrong.to_string().contains(canary), "{wrong}");
    assert!(!wrong.to_json().to_string().contains(canary));
    assert!(
        wrong.mistakes()[0].message.contains("the place of a secret"),
        "{wrong}"
    );
}

fn secrets(main: &str, values: &[(&str, &str)]) -> Result<usize, String> {
    let loaded = load(main).unwrap_or_else(|wrong| panic!("{wrong}"));
    let env = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let reader = SecretReader {
        credentials_dir: None,
        env,
    };
    let found = loaded
        .source_secrets(&reader)
        .map_err(|wrong| wrong.to_string())?;
    Ok(found.values().map(Vec::len).sum())
}

#[test]
fn a_weak_missing_or_shared_source_secret_is_refused_at_its_place() {
    let two =
        "[sources.a]\nsecrets = [{ env = 'A' }, { env = 'B' }]\n[sources.b]\nsecrets = [{ env = 'C' }]\n";
    let (a, b, c) = (
        "aaaaaaaaaaaaaaaaaaaaaa",
        "bbbbbbbbbbbbbbbbbbbbbb",
        "cccccccccccccccccccc_-",
    );
    assert_eq!(secrets(two, &[("A", a), ("B", b), ("C", c)]), Ok(3));
    for (values, part) in [
        (
            [("A", a), ("B", &b[1..]), ("C", c)],
            "leadsync.toml:2:27: sources.a.secrets[1]: this secret needs",
        ),
        (
            [("A", a), ("B", "has/slash/aaaaaaaaaaaaaa"), ("C", c)],
            "sources.a.secrets[1]: this secret needs",
        ),
        (
            [("A", a), ("B", b), ("C", a)],
            "leadsync.toml:4:12: sources.b.secrets[0]: source `a` has the same",
        ),
        (
            [("A", a), ("B", a), ("C", c)],
            "sources.a.secrets[1]: both secrets are the same",
        ),
        (
            [("A", a), ("B", b), ("X", c)],
            "sources.b.secrets[0]: environment variable C is not set",
        ),
    ] {
        let wrong = secrets(two, &values).expect_err(part);
        assert!(wrong.contains(part), "{wrong}");
        assert!(![a, b, c].iter().any(|secret| wrong.contains(secret)), "{wrong}");
    }
}

#[test]
fn what_an_editor_keeps_beside_an_open_file_is_no_connector() {
    let directory = directory("", CRM);
    let connectors = directory.path().join("connectors.d");
    // A lock of Emacs is a link to nowhere; others leave copies.
    std::os::unix::fs::symlink("me@here.4711:1", connectors.join(".#crm.toml")).expect("lock");
    std::fs::write(connectors.join(".crm.toml"), "kind = ").expect("copy");
    let loaded = Config::load(directory.path(), &BTreeMap::new()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(loaded.connectors.len(), 1);
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_and_a_missing_connectors_directory_is_none() {
    let directory = TempDir::new().expect("temporary directory");
    let wrong = Config::load(directory.path(), &BTreeMap::new()).expect_err("no main file");
    assert!(
        wrong.to_string().contains("leadsync.toml: cannot be read"),
        "{wrong}"
    );
    let main = directory.path().join("other.toml");
    std::fs::write(&main, "").expect("main file");
    assert!(Config::load(&main, &BTreeMap::new()).is_ok_and(|loaded| loaded.connectors.is_empty()));
}
