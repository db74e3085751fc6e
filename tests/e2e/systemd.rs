//! The units are ones systemd understands, fit the program, and give little away (G18).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::process::BINARY;

const UNIT: &str = include_str!("../../systemd/leadsync.service");
/// Those that send a canary.
const CANARY: [(&str, &str); 2] = [
    (
        "leadsync-canary.service",
        include_str!("../../systemd/leadsync-canary.service"),
    ),
    (
        "leadsync-canary.timer",
        include_str!("../../systemd/leadsync-canary.timer"),
    ),
];
/// `systemd-analyze` speaks of tenths: 1.1, and 1.0 where the addresses are known.
const WORST_SCORE: &str = "11";
const WORST_SCORE_WITH_ADDRESSES: &str = "10";

fn of_ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(path)
}

/// Every drop-in that comes with the program.
fn drop_ins() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of_ours("drop-ins")).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(found.len() > 3, "{found:?}");
    found
}

/// The units as they would stand on this machine, the service with these drop-ins.
fn install(directory: &Path, drop_ins: &[PathBuf]) -> [PathBuf; 2] {
    let [service, socket] = ["leadsync.service", "leadsync.socket"].map(|name| directory.join(name));
    std::fs::write(&service, UNIT.replace("/usr/bin/leadsync", BINARY)).unwrap();
    std::fs::copy(of_ours("leadsync.socket"), &socket).unwrap();
    let place = directory.join("leadsync.service.d");
    std::fs::create_dir_all(&place).unwrap();
    for drop_in in drop_ins {
        std::fs::copy(drop_in, place.join(drop_in.file_name().unwrap())).unwrap();
    }
    [service, socket]
}

/// Where `man` finds our pages, and no others.
fn manual(directory: &Path) -> PathBuf {
    let manual = directory.join("man");
    let written = Command::new(BINARY)
        .arg("man")
        .arg("--dir")
        .arg(manual.join("man1"))
        .status();
    assert!(written.unwrap().success());
    std::fs::create_dir(manual.join("man5")).unwrap();
    std::fs::rename(
        manual.join("man1/leadsync.toml.5"),
        manual.join("man5/leadsync.toml.5"),
    )
    .unwrap();
    manual
}

fn analyze(manual: Option<&Path>, arguments: &[&str], units: &[PathBuf]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .args(units)
        .envs(manual.map(|path| ("MANPATH", path)))
        .output()
        .expect("`systemd-analyze` is not installed: run ./scripts/test")
}

fn words(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[track_caller]
fn assert_understood(output: &Output) {
    assert!(output.status.success(), "{}", words(output));
    assert!(!words(output).contains("leadsync."), "{}", words(output));
}

#[test]
fn the_units_of_the_canary_are_understood() {
    let directory = tempfile::tempdir().unwrap();
    install(directory.path(), &[]);
    let units = CANARY.map(|(name, text)| {
        let unit = directory.path().join(name);
        std::fs::write(&unit, text.replace("/usr/bin/leadsync", BINARY)).unwrap();
        unit
    });
    assert_understood(&analyze(None, &["--man=no", "verify"], &units));
}

/// What a unit may not do: every line of its service from the user it runs as on.
fn restraints(unit: &str) -> BTreeSet<&str> {
    let lines = unit.lines().skip_while(|line| !line.starts_with("DynamicUser="));
    lines
        .take_while(|line| *line != "[Install]")
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn a_canary_is_kept_from_everything_the_daemon_is_kept_from() {
    let (daemon, canary) = (restraints(UNIT), restraints(CANARY[0].1));
    let missing: Vec<_> = daemon
        .difference(&canary)
        .filter(|line| !line.starts_with("RuntimeDirectory"))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(daemon.contains("IPAddressDeny=link-local multicast 168.63.129.16"));
}

#[test]
fn the_units_are_understood_and_the_manual_they_name_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let units = install(directory.path(), &[]);
    assert_understood(&analyze(Some(&manual(directory.path())), &["verify"], &units));
    let without = analyze(Some(Path::new("/nonexistent")), &["verify"], &units);
    assert!(
        words(&without).contains("man leadsync(1)"),
        "the manual is looked for"
    );
}

#[test]
fn every_drop_in_is_understood_alone_and_with_all_others() {
    // A newer systemd is needed for one word; process_service.rs has one.
    let here: Vec<PathBuf> = drop_ins()
        .into_iter()
        .filter(|path| !path.ends_with("notify-reload.conf"))
        .collect();
    for chosen in here.chunks(1).chain([here.as_slice()]) {
        let directory = tempfile::tempdir().unwrap();
        let units = install(directory.path(), chosen);
        assert_understood(&analyze(None, &["--man=no", "verify"], &units));
    }
}

/// Whether the service with these drop-ins gives away no more than so many tenths.
fn scores_at_most(tenths: &str, drop_ins: &[PathBuf]) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let [service, _] = install(directory.path(), drop_ins);
    let threshold = format!("--threshold={tenths}");
    let output = analyze(
        None,
        &["security", "--offline=true", &threshold, "--no-pager"],
        &[service],
    );
    output
        .status
        .success()
        .then_some(())
        .ok_or_else(|| words(&output))
}

#[test]
fn the_unit_gives_away_no_more_than_it_must_whatever_is_dropped_in() {
    scores_at_most(WORST_SCORE, &[]).unwrap();
    for drop_in in drop_ins() {
        scores_at_most(WORST_SCORE, &[drop_in]).unwrap();
    }
    assert!(scores_at_most("1", &[]).is_err(), "the threshold is looked at");
}

#[test]
fn with_a_list_of_addresses_it_gives_away_less_and_the_list_is_a_real_one() {
    let egress = of_ours("drop-ins/egress.conf");
    let text = std::fs::read_to_string(&egress).unwrap();
    let allowed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("IPAddressAllow="))
        .collect();
    assert_eq!(
        allowed,
        ["localhost"],
        "an operator adds to it; nothing is allowed for the looks of it"
    );
    scores_at_most(WORST_SCORE_WITH_ADDRESSES, &[egress]).unwrap();
    assert!(scores_at_most(WORST_SCORE_WITH_ADDRESSES, &[]).is_err());
}

#[test]
fn the_unit_runs_commands_the_program_has() {
    let commands = UNIT.lines().filter_map(|line| {
        let (key, command) = line.split_once('=')?;
        key.starts_with("Exec").then_some(command)
    });
    let mut seen = 0;
    for command in commands {
        let arguments = command.strip_prefix("/usr/bin/leadsync ").unwrap();
        let help = Command::new(BINARY)
            .args(arguments.split(' '))
            .arg("--help")
            .output();
        assert!(help.unwrap().status.success(), "{command}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

/// First folders of the files that the source includes, such as a shipped unit; those of tests do not count.
fn folders_the_program_is_built_from() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = BTreeSet::from(["src".to_owned()]);
    let mut open = vec![root.join("src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        if path.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for rest in text.split("include_str!(\"").skip(1) {
            let included = path.parent().unwrap().join(rest.split('"').next().unwrap());
            let included = included.canonicalize().unwrap();
            let first = included.strip_prefix(root).unwrap().iter().next().unwrap();
            folders.insert(first.to_str().unwrap().to_owned());
        }
    }
    assert!(folders.len() > 2, "{folders:?}");
    folders
}

#[test]
fn what_the_image_is_made_of_is_there_and_let_through() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let image = std::fs::read_to_string(root.join("Dockerfile")).unwrap();
    let let_through = std::fs::read_to_string(root.join(".dockerignore")).unwrap();
    let mut seen = 0;
    let copies = image.lines().filter_map(|line| line.strip_prefix("COPY "));
    for copy in copies.filter(|copy| !copy.starts_with("--from=")) {
        let (sources, _) = copy.rsplit_once(' ').unwrap();
        for source in sources.split(' ') {
            assert!(root.join(source).exists(), "{source}");
            assert!(
                let_through.lines().any(|line| line == format!("!{source}")),
                "{source}"
            );
            seen += 1;
        }
    }
    assert!(seen > 3);
    for folder in folders_the_program_is_built_from() {
        assert!(image.contains(&format!("\nCOPY {folder} {folder}\n")), "{folder}");
    }
    let rust = format!("FROM rust:{}-", env!("CARGO_PKG_RUST_VERSION"));
    assert!(image.contains(&rust), "{rust}");
    let user = image.find("\nUSER 10001").expect("nobody's administrator");
    assert!(image.find("\nENTRYPOINT").unwrap() > user);
    // The command the image asks whether all is well.
    for command in ["run", "ctl health"] {
        let help = Command::new(BINARY)
            .args(command.split(' '))
            .arg("--help")
            .output();
        assert!(help.unwrap().status.success(), "{command}");
    }
}
