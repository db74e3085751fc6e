//! The documentation, rehearsed: every command a reader may type is typed, on a machine made for the page.
//!
//! Blocks of shell in a page run in order, as root of a machine of their own (`enter`): what they write under `/etc` or
//! `/var` is gone afterwards, and the systems they speak of (`town`) answer under the names the page gives them.
//! Comments in a page say what cannot be seen from it; `page` lists them.

mod machine;
mod page;
mod town;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::machine::Machine;
use self::page::Page;
use self::town::Town;
use crate::process::BINARY;

/// Tells the test that it is inside: where the machine's root is.
const INSIDE: &str = "REHEARSAL_MACHINE";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("tests/e2e/documents")
}

/// One test for each page, and the list of them.
macro_rules! rehearse {
    ($($test:ident: $page:literal,)*) => {
        const REHEARSED: &[&str] = &[$($page),*];
        $(
            #[test]
            fn $test() {
                rehearse($page, stringify!($test));
            }
        )*
    };
}

rehearse! {
    process_the_readme_does_what_it_says: "README.md",
    process_installing_is_done_as_told: "docs/install.md",
    process_a_config_is_written_and_described_as_told: "docs/configuration.md",
    process_operations_do_what_they_say: "docs/operations.md",
    process_comparing_does_what_it_says: "docs/compare.md",
    process_the_numbers_are_read_as_told: "docs/metrics.md",
    process_traces_are_set_up_as_told: "docs/tracing.md",
    process_what_is_kept_goes_as_told: "docs/data.md",
    process_security_is_looked_at_as_told: "docs/security.md",
    process_troubles_are_looked_into_as_told: "docs/troubleshooting.md",
    process_how_microsoft_sends_leads_is_tried: "docs/leads-from-microsoft.md",
    process_alarms_are_raised_as_told: "docs/alarms.md",
    process_azure_table_is_set_up_as_told: "connectors/azure-table/README.md",
    process_a_webhook_is_set_up_as_told: "connectors/https-endpoint/README.md",
    process_dynamics365_is_set_up_as_told: "connectors/dynamics365/README.md",
    process_marketo_is_set_up_as_told: "connectors/marketo/README.md",
    process_partner_center_is_set_up_as_told: "connectors/partner-center/README.md",
    process_salesforce_is_set_up_as_told: "connectors/salesforce/README.md",
}

#[test]
fn every_page_with_commands_is_rehearsed() {
    let mut with_commands = BTreeSet::new();
    for path in pages() {
        if Page::read(&path).commands().next().is_some() {
            with_commands.insert(shown(&path));
        }
    }
    // Its filters are for the real journal, and rehearsed there.
    with_commands.remove("docs/logs.md");
    let rehearsed: BTreeSet<String> = REHEARSED.iter().map(|page| (*page).to_owned()).collect();
    assert_eq!(with_commands, rehearsed);
}

#[test]
fn every_command_that_is_mentioned_exists_with_its_options() {
    let mut unknown = Vec::new();
    for path in pages() {
        for (line, command) in Page::read(&path).mentioned {
            let told = |why: String| format!("{}:{line}: `{command}`: {why}", shown(&path));
            unknown.extend(wrong_with(&command).map(told));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// What is wrong with a command, as far as its help tells.
fn wrong_with(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let is_name =
        |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let path: Vec<&str> = words.iter().take_while(is_name).copied().collect();
    // The words after the command may be a connector's name: the longest command that exists counts.
    let found = (0..=path.len()).rev().find_map(|length| {
        let help = help(&path[..length]).filter(|_| length > 0 || path.is_empty());
        Some((help?, path.get(length)))
    });
    let Some((help, next)) = found else {
        return Some("there is no such command".to_owned());
    };
    // One that has commands of its own takes no name.
    if let Some(next) = next.filter(|_| help.contains("\nCommands:\n")) {
        return Some(format!("there is no {next} in it"));
    }
    let options = words.iter().filter_map(|word| word.strip_prefix("--"));
    let unknown = options.filter(|option| {
        let name: String = option
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        !help.contains(&format!("--{name}"))
    });
    unknown.map(|option| format!("there is no --{option}")).next()
}

#[test]
fn a_command_is_wrong_when_a_word_or_an_option_of_it_does_not_exist() {
    for right in [
        "leadsync ctl reload",
        "leadsync doctor contoso-sales",
        "leadsync --version",
    ] {
        assert_eq!(wrong_with(right), None, "{right}");
    }
    for wrong in ["leadsync statsu", "leadsync ctl relaod", "leadsync status --jsno"] {
        assert!(wrong_with(wrong).is_some(), "{wrong}");
    }
}

fn help(path: &[&str]) -> Option<String> {
    let done = Command::new(BINARY).args(path).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&done.stdout).into_owned();
    let of_this = format!("Usage: leadsync {}", path.join(" "));
    (done.status.success() && help.contains(of_this.trim_end())).then_some(help)
}

/// Every page a user may read.
fn pages() -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = ["docs", "connectors", "monitoring"]
        .map(|name| root().join(name))
        .to_vec();
    let mut found = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    while let Some(path) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&path) else {
            continue;
        };
        for entry in entries.map(|entry| entry.unwrap().path()) {
            if entry.is_dir() && !entry.ends_with("adr") {
                open.push(entry);
            } else if entry.extension().is_some_and(|end| end == "md") {
                found.push(entry);
            }
        }
    }
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Follows a page, in namespaces of its own.
fn rehearse(page: &str, test: &str) {
    match std::env::var_os(INSIDE) {
        Some(machine) => follow(page, Path::new(&machine)),
        None => enter(test),
    }
}

fn enter(test: &str) {
    let machine = tempfile::Builder::new().prefix("leadsync-").tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let seen = [root(), Path::new(BINARY).parent().unwrap(), me.parent().unwrap()];
    let seen: Vec<String> = seen.iter().map(|place| place.display().to_string()).collect();
    let done = Command::new("unshare")
        .args(["-Urmnp", "--fork", "--kill-child"])
        .arg(folder().join("enter"))
        .arg(machine.path())
        .arg(seen.join(":"))
        .arg(&me)
        .args(["--exact", &format!("documents::{test}"), "--nocapture"])
        .env(INSIDE, machine.path())
        .output()
        .expect("`unshare` of util-linux is needed: run ./scripts/test");
    let said = [&done.stdout, &done.stderr]
        .map(|words| String::from_utf8_lossy(words).into_owned())
        .concat();
    assert!(done.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

fn follow(page: &str, root_of_machine: &Path) {
    let read = Page::read(&root().join(page));
    let machine = Machine::settle(root_of_machine);
    let _town = Town::build(&machine);
    machine.prepare(&read.world);
    let wrong = machine.follow(&read);
    assert!(
        wrong.is_empty(),
        "{page} does not do what it says\n{}",
        wrong.join("\n")
    );
}
