//! The code, the table of ids and the guide tell of the same events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

/// One kind of line, as the code or the guide has it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    levels: BTreeSet<String>,
    fields: BTreeSet<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program's own Rust files, without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut open = vec![root().join("src")];
    let connectors = std::fs::read_dir(root().join("connectors")).unwrap();
    open.extend(connectors.map(|entry| entry.unwrap().path().join("src")));
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|end| end == "rs")
            && !path.iter().any(|part| part == "tests" || part == "tests.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    assert!(found.len() > 100, "the files were not found");
    found
}

/// The arguments of a macro, split at its outermost commas.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut all = vec![String::new()];
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ')' | ']' | '}' if !quoted && depth == 0 => break,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        all.last_mut().unwrap().push(c);
    }
    all.iter().map(|argument| argument.trim().to_owned()).collect()
}

/// `name = value`, `%name` or `name`; nothing for the sentence and what it is filled with.
fn field(argument: &str) -> Option<(&str, &str)> {
    let (name, value) = argument.split_once('=').unwrap_or((argument, argument));
    let name = name.trim().trim_start_matches(['%', '?']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c));
    is_name.then(|| (name, value.trim().trim_matches('"')))
}

/// Every line of info and above: where it stands, its level, its fields with `event` among them.
fn lines() -> Vec<(String, &'static str, Vec<String>)> {
    let mut found = Vec::new();
    for (path, text) in sources() {
        for level in ["info", "warn", "error"] {
            for (place, head) in text.match_indices(&format!("{level}!(")) {
                let before = text[..place].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                    continue;
                }
                let shown = path.strip_prefix(root()).unwrap().display();
                let number = text[..place].lines().count();
                let all = arguments(&text[place + head.len()..]);
                // What stands behind the sentence only fills it.
                let fields = all.into_iter().take_while(|argument| !argument.starts_with('"'));
                found.push((format!("{shown}:{number}"), level, fields.collect()));
            }
        }
    }
    assert!(found.len() > 50, "the lines were not found");
    found
}

fn in_the_code() -> BTreeMap<String, Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for (place, level, arguments) in lines() {
        let fields: Vec<(&str, &str)> = arguments.iter().filter_map(|one| field(one)).collect();
        let name = fields.iter().find(|(name, _)| *name == "event");
        let Some((_, event)) = name else {
            panic!(r#"{place}: a line of {level} needs a name: event = "..""#);
        };
        let told = told.entry((*event).to_owned()).or_default();
        told.levels.insert(level.to_owned());
        let others = fields.iter().filter(|(name, _)| *name != "event");
        told.fields.extend(others.map(|(name, _)| (*name).to_owned()));
    }
    told
}

/// The rows of the guide: `| event | level | id | meaning | fields | what to do |`.
fn in_the_guide() -> BTreeMap<String, (String, Told)> {
    let guide = std::fs::read_to_string(root().join("docs/logs.md")).unwrap();
    let words = |cell: &str| -> BTreeSet<String> {
        let words = cell
            .split(',')
            .map(|word| word.trim().trim_matches('`').to_owned());
        words.filter(|word| !word.is_empty()).collect()
    };
    let mut rows = BTreeMap::new();
    for line in guide.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", event, levels, id, meaning, fields, _, ""] = cells[..] else {
            continue;
        };
        if !event.starts_with('`') {
            continue;
        }
        assert!(!meaning.is_empty(), "{event} has no meaning");
        let told = Told {
            levels: words(levels),
            fields: words(fields),
        };
        let row = (id.trim_matches('`').to_owned(), told);
        let twin = rows.insert(event.trim_matches('`').to_owned(), row);
        assert!(twin.is_none(), "{event} stands there twice");
    }
    assert!(rows.len() > 50, "the table was not found");
    rows
}

#[test]
fn every_event_of_the_code_has_an_id_and_no_id_is_left_over() {
    let code = in_the_code();
    let used: BTreeSet<&str> = code.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = EVENTS.iter().map(|entry| entry.name).collect();
    let without: Vec<&&str> = used.difference(&known).collect();
    assert!(
        without.is_empty(),
        "add to src/cli/logging/catalogue.rs and docs/logs.md, with an id from `systemd-id128 new`: {without:?}"
    );
    assert_eq!(known.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_guide_tells_of_every_event_as_the_code_has_it() {
    let mut guide = in_the_guide();
    for (event, told) in in_the_code() {
        let Some((id, row)) = guide.remove(&event) else {
            panic!("docs/logs.md has no row for `{event}`: {told:?}");
        };
        assert_eq!(
            row, told,
            "docs/logs.md (left) and the code differ about `{event}`"
        );
        assert_eq!(Some(id.as_str()), find(&event).map(|entry| entry.id), "{event}");
    }
    assert!(
        guide.is_empty(),
        "docs/logs.md tells of what is not there: {guide:?}"
    );
}

/// Text of the guide as it reads without marks: `[words](link)` is words.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('[') {
        plain += before;
        // A bracket of another kind stays.
        let link = behind.split_once("](").filter(|(words, _)| !words.contains(']'));
        rest = if let Some((words, target)) = link {
            plain += words;
            target.split_once(')').unwrap().1
        } else {
            plain.push('[');
            behind
        };
    }
    (plain + rest).replace('`', "")
}

/// What stands in `systemd/leadsync.catalog`, for `journalctl -x`.
#[test]
fn the_catalogue_of_the_journal_says_what_the_guide_says() {
    let guide = std::fs::read_to_string(root().join("docs/logs.md")).unwrap();
    let catalogue = std::fs::read_to_string(root().join("systemd/leadsync.catalog")).unwrap();
    let mut entries: BTreeSet<&str> = catalogue.split("\n\n-- ").skip(1).map(str::trim).collect();
    for line in guide.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", event, _, id, meaning, _, to_do, ""] = cells[..] else {
            continue;
        };
        if !event.starts_with('`') {
            continue;
        }
        let to_do = if to_do.is_empty() {
            String::new()
        } else {
            format!("\nTo do: {}", plain(to_do))
        };
        let entry = format!(
            "{}\nSubject: leadsync: {}\nDefined-By: leadsync\n\n{}{to_do}",
            plain(id),
            plain(event),
            plain(meaning)
        );
        assert!(
            entries.remove(entry.as_str()),
            "systemd/leadsync.catalog lacks:\n\n-- {entry}"
        );
    }
    assert!(
        entries.is_empty(),
        "left over in systemd/leadsync.catalog: {entries:?}"
    );
}

#[test]
fn every_id_is_an_id_and_of_one_event_alone() {
    let ids: BTreeSet<&str> = EVENTS.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), EVENTS.len());
    for entry in EVENTS {
        let is_hex = entry.id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        assert!(entry.id.len() == 32 && is_hex, "{entry:?}");
    }
    assert!(
        EVENTS.is_sorted_by_key(|entry| entry.name),
        "it is searched by name"
    );
}

#[test]
fn only_lines_about_single_leads_give_way() {
    let code = in_the_code();
    for entry in EVENTS.iter().filter(|entry| entry.gives_way) {
        let urgent = code[entry.name].levels.contains("error");
        assert!(!urgent, "{}: a person should look", entry.name);
    }
    let guide = std::fs::read_to_string(root().join("docs/logs.md")).unwrap();
    let sentence = guide.split("These give way: ").nth(1).unwrap();
    let told: Vec<&str> = sentence.split('.').next().unwrap().split(", ").collect();
    let giving: Vec<String> = EVENTS
        .iter()
        .filter(|entry| entry.gives_way)
        .map(|entry| format!("`{}`", entry.name))
        .collect();
    assert_eq!(told, giving);
}
