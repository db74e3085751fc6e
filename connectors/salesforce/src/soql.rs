//! Queries and moments as Salesforce writes them (contract salesforce 0.6, 0.8 and 9). Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but unreserved characters is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A list of values grows a URL, and a URL holds 16,384 bytes with its headers (contract 1).
const LIST_BYTES: usize = 9_000;

/// One segment of a path, or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A text as a literal of SOQL.
pub(crate) fn literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for letter in text.chars() {
        match letter {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// A moment as a literal of SOQL: to the second, which is as exact as stamps are.
pub(crate) fn moment_literal(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A moment as an answer writes it: `2026-01-02T10:15:30.000+0000`, which is not RFC 3339.
pub(crate) fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .ok()
        .map(|at| at.to_utc())
}

/// The values as lists for `IN`, each short enough for a URL; none for no values.
pub(crate) fn lists<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    let (mut lists, mut list, mut size) = (Vec::new(), String::new(), 0);
    for value in values {
        let text = literal(value.as_ref());
        let grows = encoded(&text).len() + 3;
        if !list.is_empty() && size + grows > LIST_BYTES {
            lists.push(format!("({})", std::mem::take(&mut list)));
            size = 0;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&text);
        size += grows;
    }
    if !list.is_empty() {
        lists.push(format!("({list})"));
    }
    lists
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    /// Reads a literal as contract salesforce 9 describes it.
    fn read(literal: &str) -> Option<String> {
        let mut letters = literal.strip_prefix('\'')?.strip_suffix('\'')?.chars();
        let mut text = String::new();
        while let Some(letter) = letters.next() {
            text.push(match letter {
                '\'' => return None,
                '\\' => match letters.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    mark @ ('\\' | '\'' | '"') => mark,
                    _ => return None,
                },
                other => other,
            });
        }
        Some(text)
    }

    /// The literals of a list.
    fn members(list: &str) -> Vec<String> {
        let (mut found, mut literal, mut escaped) = (Vec::new(), String::new(), false);
        for letter in list.chars() {
            if literal.is_empty() && letter == ',' {
                continue;
            }
            literal.push(letter);
            let ends = letter == '\'' && literal.len() > 1 && !escaped;
            escaped = letter == '\\' && !escaped;
            if ends {
                found.push(read(&std::mem::take(&mut literal)).unwrap());
            }
        }
        assert_eq!(literal, "", "every literal ends");
        found
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_literal(text in "[\\PC'\"\\\\\n\r\t\u{8}\u{c}]{0,40}") {
            prop_assert_eq!(read(&literal(&text)), Some(text));
        }

        #[test]
        fn a_value_comes_out_of_a_url_as_it_went_in(text in ".{0,40}") {
            let there = encoded(&text);
            prop_assert!(there.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
            let back = percent_decode_str(&there).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(back, text);
        }

        #[test]
        fn lists_hold_every_value_once_and_fit_a_url(values in proptest::collection::vec("[a-f0-9 '#]{1,60}", 0..400)) {
            let lists = lists(&values);
            let mut all = Vec::new();
            for list in &lists {
                prop_assert!(encoded(list).len() <= LIST_BYTES + 60, "{}", list.len());
                all.extend(members(list.strip_prefix('(').unwrap().strip_suffix(')').unwrap()));
            }
            prop_assert_eq!(all, values);
        }
    }

    #[test]
    fn the_key_in_a_path_is_encoded_as_the_fixture_shows() {
        assert_eq!(encoded("new a/b?c#d+é"), "new%20a%2Fb%3Fc%23d%2B%C3%A9");
    }

    #[test]
    fn datetimes_come_with_an_offset_without_a_colon() {
        let at: DateTime<Utc> = "2026-01-02T10:15:30Z".parse().unwrap();
        for text in [
            "2026-01-02T10:15:30.000+0000",
            "2026-01-02T11:15:30.000+0100",
            "2026-01-02T10:15:30Z",
        ] {
            assert_eq!(moment(text), Some(at), "{text}");
        }
        assert_eq!(moment("2026-01-02"), None);
        assert_eq!(moment_literal(at), "2026-01-02T10:15:30Z");
    }

    #[test]
    fn no_values_make_no_list() {
        assert_eq!(lists::<&str>([]), Vec::<String>::new());
    }
}
