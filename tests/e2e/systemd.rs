//! The unit file is one systemd understands, fits the program, and gives little away (G18).

use std::path::Path;
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
/// `systemd-analyze` speaks of tenths: 1.1.
const WORST_SCORE: &str = "11";

/// The unit as it would stand on this machine.
fn installed(directory: &Path) -> std::path::PathBuf {
    let unit = directory.join("leadsync.service");
    std::fs::write(&unit, UNIT.replace("/usr/bin/leadsync", BINARY)).unwrap();
    unit
}

fn analyze(arguments: &[&str]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .output()
        .expect("`systemd-analyze` is not installed: run ./scripts/test")
}

fn words(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn the_unit_is_understood() {
    let directory = tempfile::tempdir().unwrap();
    let unit = installed(directory.path());
    let output = analyze(&["verify", unit.to_str().unwrap()]);
    assert!(output.status.success(), "{}", words(&output));
    assert!(!words(&output).contains("leadsync.service"), "{}", words(&output));
}

#[test]
fn the_units_of_the_canary_are_understood() {
    let directory = tempfile::tempdir().unwrap();
    installed(directory.path());
    let units = CANARY.map(|(name, text)| {
        let unit = directory.path().join(name);
        std::fs::write(&unit, text.replace("/usr/bin/leadsync", BINARY)).unwrap();
        unit.to_str().unwrap().to_owned()
    });
    let output = analyze(&["verify", &units[0], &units[1]]);
    assert!(output.status.success(), "{}", words(&output));
    assert!(!words(&output).contains("leadsync"), "{}", words(&output));
}

#[test]
fn the_unit_gives_away_no_more_than_it_must() {
    let directory = tempfile::tempdir().unwrap();
    let unit = installed(directory.path());
    let threshold = format!("--threshold={WORST_SCORE}");
    let output = analyze(&[
        "security",
        "--offline=true",
        &threshold,
        "--no-pager",
        unit.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{}", words(&output));
    let stricter = analyze(&[
        "security",
        "--offline=true",
        "--threshold=1",
        "--no-pager",
        unit.to_str().unwrap(),
    ]);
    assert!(!stricter.status.success(), "the threshold is looked at");
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
    assert_eq!(seen, 2);
}
