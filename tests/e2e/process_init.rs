//! `leadsync init` as an operator types it: what it writes, what it asks, and what it leaves alone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{BINARY, Terminal};

const KINDS: [&str; 7] = [
    "azure-table",
    "dynamics365",
    "file",
    "https-endpoint",
    "marketo",
    "partner-center",
    "salesforce",
];

/// Where a config will be.
fn place() -> TempDir {
    tempfile::Builder::new().prefix("leadsync-").tempdir().unwrap()
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .env_clear()
        .env("LEADSYNC_CONFIG", dir)
        .args(arguments)
        .output()
        .unwrap()
}

/// Runs what must succeed; gives its JSON.
#[track_caller]
fn told(dir: &Path, arguments: &[&str]) -> Value {
    let output = run(dir, &[&["--json"], arguments].concat());
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `init` with a proxy in front and no questions.
fn init(dir: &Path, kinds: &[&str]) -> Value {
    let kinds = kinds.iter().flat_map(|kind| ["--crm", kind]);
    let arguments: Vec<&str> = [
        "init",
        "--proxy",
        "--public-url",
        "https://leads.fabrikam.example",
    ]
    .into_iter()
    .chain(kinds)
    .collect();
    told(dir, &arguments)
}

/// Whatever `check` complains of is a place `init` marked.
#[track_caller]
fn names_only_marked_places(dir: &Path, init: &Value) {
    let output = run(dir, &["--json", "check"]);
    let waiting: Vec<&str> = init["fill_in"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["place"].as_str().unwrap())
        .collect();
    if waiting.is_empty() {
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        return;
    }
    assert_eq!(output.status.code(), Some(78));
    let complaint: Value = serde_json::from_slice(&output.stderr).unwrap();
    let mistakes = complaint["details"].as_array().unwrap();
    for mistake in mistakes {
        let place = format!("{}:{}", mistake["file"].as_str().unwrap(), mistake["line"]);
        let message = mistake["message"].as_str().unwrap();
        let is_marked =
            waiting.contains(&place.as_str()) || waiting.iter().any(|path| message.contains(path));
        assert!(is_marked && message.contains("CHANGE-ME"), "{mistake}");
    }
    let files = waiting.iter().filter(|place| place.contains(".toml:"));
    for place in files {
        let is_told = mistakes
            .iter()
            .any(|one| format!("{}:{}", one["file"].as_str().unwrap(), one["line"]) == **place);
        assert!(is_told, "{place}: {mistakes:?}");
    }
}

#[test]
fn whatever_it_writes_is_right_or_names_only_the_places_to_fill_in() {
    for kind in KINDS {
        let dir = place();
        let told = init(dir.path(), &[kind]);
        names_only_marked_places(dir.path(), &told);
    }
    let dir = place();
    let told = init(dir.path(), &KINDS);
    names_only_marked_places(dir.path(), &told);
    assert_eq!(init_urls(dir.path()).len(), 1);
}

fn init_urls(dir: &Path) -> Vec<String> {
    let told = told(dir, &["init", "--show-url"]);
    let urls = told["urls"].as_array().unwrap().iter();
    urls.map(|one| one["url"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn secrets_are_strong_private_and_shown_only_when_asked_for() {
    let (dir, units) = (place(), place());
    let systemd = units.path().join("leadsync.service.d");
    let arguments = [
        "init",
        "--crm",
        "https-endpoint",
        "--crm",
        "partner-center=desk",
        "--yes",
        "--systemd-dir",
    ];
    let output = run(
        dir.path(),
        &[&arguments[..], &[systemd.to_str().unwrap()]].concat(),
    );
    assert!(output.status.success());
    let secret = |name: &str| fs::read_to_string(dir.path().join("credentials").join(name)).unwrap();
    for name in ["marketplace", "webhook-signing", "desk-key"] {
        let text = secret(name);
        assert!(text.len() >= 40, "{name}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains(&text));
        let file = fs::metadata(dir.path().join("credentials").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
        assert_eq!(file.uid(), rustix::process::geteuid().as_raw());
    }
    let folder = fs::metadata(dir.path().join("credentials")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let drop_in = fs::read_to_string(systemd.join("credentials.conf")).unwrap();
    for name in ["marketplace", "webhook-signing", "desk-key"] {
        let path = dir.path().join("credentials").join(name);
        assert!(
            drop_in.contains(&format!("LoadCredential={name}:{}\n", path.display())),
            "{drop_in}"
        );
    }
    let shown = run(dir.path(), &["init", "--show-url"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown
            .trim_end()
            .ends_with(&format!("/v1/leads/marketplace/{}", secret("marketplace"))),
        "{shown}"
    );
}

#[test]
fn what_is_there_is_left_alone_unless_told_otherwise_and_secrets_always() {
    let dir = place();
    init(dir.path(), &["file"]);
    let before = init_urls(dir.path());
    fs::write(dir.path().join("leadsync.toml"), "# mine\n").unwrap();
    let again = run(dir.path(), &["init", "--crm", "file", "--yes"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert_eq!(
        fs::read_to_string(dir.path().join("leadsync.toml")).unwrap(),
        "# mine\n"
    );
    let forced = told(
        dir.path(),
        &[
            "init",
            "--crm",
            "file",
            "--force",
            "--public-url",
            "https://leads.fabrikam.example",
        ],
    );
    assert_eq!(forced["kept"].as_array().unwrap().len(), 1);
    assert_eq!(
        fs::read_to_string(dir.path().join("leadsync.toml.bak")).unwrap(),
        "# mine\n"
    );
    assert_eq!(init_urls(dir.path()), before, "Microsoft knows the address");
}

#[test]
fn what_a_package_put_there_is_not_in_the_way_and_what_somebody_wrote_is_before_any_question() {
    let dir = place();
    let main = dir.path().join("leadsync.toml");
    fs::write(&main, include_str!("../../config/leadsync.toml")).unwrap();
    let told = init(dir.path(), &["file"]);
    assert_eq!(told["saved"], serde_json::json!([]));
    assert_eq!(init_urls(dir.path()).len(), 1);

    fs::write(&main, "# mine\n").unwrap();
    let terminal = Terminal::open(dir.path(), "init");
    let (status, shown) = terminal.end();
    assert!(!status.success() && shown.contains("already there"), "{shown}");
    assert!(!shown.contains("Which systems"), "{shown}");
}

#[test]
fn the_service_can_read_what_it_must_whatever_the_umask_of_the_operator_is() {
    let place = place();
    let (dir, units) = (place.path().join("etc/leadsync"), place.path().join("units.d"));
    let command = "umask 077; exec \"$0\" init --dir \"$1\" --systemd-dir \"$2\" --crm file --yes";
    let output = Command::new("sh")
        .args(["-c", command, BINARY])
        .args([&dir, &units])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [&place.path().join("etc"), &dir, &dir.join("connectors.d"), &units] {
        assert_eq!(mode(folder), 0o755, "{}", folder.display());
    }
    for file in [
        dir.join("leadsync.toml"),
        dir.join("connectors.d/leads-file.toml"),
        units.join("credentials.conf"),
    ] {
        assert_eq!(mode(&file), 0o644, "{}", file.display());
    }
    assert_eq!(mode(&dir.join("credentials")), 0o700);
    assert_eq!(mode(&dir.join("credentials/marketplace")), 0o600);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_without_a_system_nothing_is_written() {
    let dir = place();
    let output = run(dir.path(), &["init"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--crm KIND"));
    let wrong = run(dir.path(), &["init", "--crm", "salesfroce"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `salesforce`?"));
    let twice = run(dir.path(), &["init", "--crm", "file", "--crm", "file"]);
    assert_eq!(twice.status.code(), Some(2));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn at_a_terminal_a_few_questions_are_asked_and_a_wrong_answer_is_asked_again() {
    let dir = place();
    let mut terminal = Terminal::open(dir.path(), "init");
    terminal.answer("systems [file]: ", "flie\n");
    terminal.answer("systems [file]: ", "file=archive, 4\n");
    terminal.answer("address [later]: ", "https://leads.fabrikam.example\n");
    terminal.answer("proxy or tls [proxy]: ", "\n");
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(
        shown.contains("did you mean `file`?") && shown.contains("next:"),
        "{shown}"
    );
    assert!(dir.path().join("connectors.d/archive.toml").exists());
    assert!(dir.path().join("connectors.d/webhook.toml").exists());
    assert!(init_urls(dir.path())[0].starts_with("https://leads.fabrikam.example/v1/leads/marketplace/"));
}

#[test]
fn tls_chosen_by_an_answer_is_followed_by_what_it_takes() {
    let dir = place();
    let mut terminal = Terminal::open(dir.path(), "init --crm file");
    terminal.answer("address [later]: ", "https://leads.fabrikam.example\n");
    terminal.answer("proxy or tls [proxy]: ", "tls\n");
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(
        shown.contains("tls/chain.pem") && shown.contains("ListenStream=0.0.0.0:443"),
        "{shown}"
    );
}

#[test]
fn whoever_leaves_at_a_question_leaves_nothing_behind() {
    for key in ["\u{3}", "\u{4}"] {
        let dir = place();
        let mut terminal = Terminal::open(dir.path(), "init --crm salesforce");
        terminal.answer("address [later]: ", key);
        let (status, shown) = terminal.end();
        assert!(!status.success(), "{shown}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{shown}");
    }
}
