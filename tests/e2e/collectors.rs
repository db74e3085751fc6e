//! The rules for collectors are such as the collectors understand, and name fields the journal has.

use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/collectors")
}

#[test]
fn rsyslog_understands_its_rules() {
    let rules = folder().join("rsyslog.conf");
    let output = Command::new("/usr/sbin/rsyslogd")
        .arg("-N1")
        .arg("-f")
        .arg(&rules)
        .output()
        .expect("`rsyslogd` is not installed: run ./scripts/test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("error"), "{said}");
}

#[test]
fn what_is_toml_can_be_read_as_toml() {
    let text = std::fs::read_to_string(folder().join("vector.toml")).unwrap();
    let rules: toml::Table = text.parse().unwrap();
    for table in ["sources", "transforms", "sinks"] {
        assert!(rules[table].is_table(), "{table}");
    }
}

#[test]
fn each_file_is_named_in_the_guide_and_filters_by_who_wrote_the_line() {
    let guide = include_str!("../../docs/logs.md");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(guide.contains(&format!("examples/collectors/{name}")), "{name}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("SYSLOG_IDENTIFIER"), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}
