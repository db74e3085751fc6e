//! What a parser says of text that is no TOML, in an operator's words and at the key it is about.

use toml::de::Error;

use super::diagnostics::Mistake;
use super::document::Document;

/// The first thing that is wrong with the form of a file. What a parser finds behind it is mostly its echo.
pub(super) fn first_mistake(document: &Document, errors: &[Error]) -> Option<Mistake> {
    let place = |error: &Error| error.span().unwrap_or_default();
    let error = errors.iter().min_by_key(|error| place(error).start)?;
    let (line, _) = document.position(place(error).start);
    let key = key_at(document.text(), line);
    let written = document
        .text()
        .lines()
        .nth(line.saturating_sub(1))
        .unwrap_or_default();
    Some(Mistake::at(
        document,
        place(error),
        &key,
        &words(written, error.message()),
    ))
}

/// The key a line gives a value to, with the tables around it.
fn key_at(text: &str, line: usize) -> String {
    let mut table = "";
    let mut key = None;
    for written in text.lines().take(line) {
        let written = written.trim();
        key = None;
        if let Some(name) = written.strip_prefix('[') {
            table = name
                .trim_start_matches('[')
                .split([']', '#'])
                .next()
                .unwrap_or_default()
                .trim();
        } else if let Some((name, _)) = written.split_once(['=', ':', ' ']) {
            key = Some(name.trim()).filter(|name| !name.is_empty() && !name.starts_with('#'));
        }
    }
    let parts = [Some(table).filter(|table| !table.is_empty()), key];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}

/// The value itself is never repeated: it may be a secret.
fn words(written: &str, message: &str) -> String {
    let value = written.split_once('=').map_or("", |(_, value)| value.trim());
    let bare = value.trim_start_matches(['[', '{', ' ']);
    let is_bare = !bare.is_empty() && !bare.starts_with(['"', '\'']);
    let plain = if message.starts_with("invalid basic string")
        || message.starts_with("invalid literal string")
    {
        "the text does not end: a quote is missing"
    } else if is_bare && ["true", "false", "yes", "no", "on", "off"].contains(&first_word(bare).as_str()) {
        "expected true or false, in small letters"
    } else if is_bare && is_about_a_value(message) {
        "a text stands in quotes: \"..\""
    } else if message.starts_with("unclosed table") {
        "the name of a table ends with ]"
    } else if message == "duplicate key" {
        "this stands here twice"
    } else {
        message
    };
    plain.to_owned()
}

fn first_word(value: &str) -> String {
    let end = value
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(value.len());
    value[..end].to_ascii_lowercase()
}

fn is_about_a_value(message: &str) -> bool {
    let openings = [
        "string values must be quoted",
        "missing opening quote",
        "invalid float",
        "invalid boolean",
        "invalid integer",
        "invalid datetime",
        "invalid date",
    ];
    openings.iter().any(|opening| message.starts_with(opening))
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    #[test]
    fn a_broken_line_is_told_with_its_key_and_without_its_value() {
        for (text, line, key, part) in [
            ("[log]\nlevel = CANARY", 2, "log.level", "stands in quotes"),
            ("[log]\nlevel = /CANARY", 2, "log.level", "stands in quotes"),
            ("[log]\nlevel = \"CANARY", 2, "log.level", "a quote is missing"),
            ("[a.b]\nlevel = 'CANARY", 2, "a.b.level", "a quote is missing"),
            (
                "[intake]\nbody_timeout = 10s",
                2,
                "intake.body_timeout",
                "stands in quotes",
            ),
            (
                "[intake]\ntrusted_proxies = [10.0.0.0/8]",
                2,
                "intake.trusted_proxies",
                "stands in quotes",
            ),
            ("forward = True", 1, "forward", "true or false"),
            ("forward = no # yes", 1, "forward", "true or false"),
            ("[listen # here\npublic = 'x'", 1, "listen", "ends with ]"),
            ("[log]\nlevel = 'a'\nlevel = 'b'", 3, "log.level", "twice"),
            ("# a\nlevel 'CANARY'", 2, "level", "="),
        ] {
            let document = Document::new("f.toml", text);
            let (_, errors) = DeTable::parse_recoverable(text);
            let mistake = first_mistake(&document, &errors).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (mistake.line, mistake.key.as_str()),
                (line, key),
                "{text}: {mistake}"
            );
            assert!(mistake.message.contains(part), "{text}: {mistake}");
            assert!(!mistake.to_string().contains("CANARY"), "{mistake}");
        }
        assert_eq!(first_mistake(&Document::new("f.toml", ""), &[]), None);
    }
}
