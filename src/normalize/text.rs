//! Text in normal form: NFC, trimmed, without characters nobody can see, at most 4 KiB.

use std::borrow::Cow;

use connector_kit::lead::FIELD_CAP_BYTES;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

/// Longer input is not looked at: NFC shrinks text to a third at most.
const LOOK_AT: usize = 4 * FIELD_CAP_BYTES;

/// One line: breaks and tabs become spaces. Empty when nothing is left.
pub fn line(text: &str) -> Cow<'_, str> {
    clean(text, FIELD_CAP_BYTES, line_char)
}

/// Many lines: line feeds and tabs stay.
pub fn paragraph(text: &str) -> Cow<'_, str> {
    clean(text, FIELD_CAP_BYTES, paragraph_char)
}

/// As [`paragraph`], with another cap.
pub fn capped(text: &str, cap: usize) -> Cow<'_, str> {
    clean(text, cap, paragraph_char)
}

fn clean(text: &str, cap: usize, rule: fn(char) -> Option<char>) -> Cow<'_, str> {
    let text = text.trim();
    if text.len() <= cap && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let seen = seen(&text[..text.floor_char_boundary(LOOK_AT)], rule);
    let normal = match is_nfc_quick(seen.chars()) {
        IsNormalized::Yes => seen,
        _ => seen.nfc().collect(),
    };
    Cow::Owned(cut(normal.trim(), cap).trim_end().to_owned())
}

/// The characters that remain. A carriage return before a line feed is part of it.
fn seen(text: &str, rule: fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        out.extend(rule(c));
    }
    out
}

fn line_char(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{A0}' | '\u{202F}' => Some(' '),
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => None,
        c => visible(c),
    }
}

fn paragraph_char(c: char) -> Option<char> {
    match c {
        '\t' | '\n' => Some(c),
        '\r' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{A0}' | '\u{202F}' => Some(' '),
        c => visible(c),
    }
}

/// Drops controls and what has no width. The joiners stay: Persian and emoji need them.
fn visible(c: char) -> Option<char> {
    let hidden = c.is_control()
        || matches!(
            c,
            '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' | '\u{FFFE}' | '\u{FFFF}'
        );
    (!hidden).then_some(c)
}

/// Cuts between graphemes; inside one only when the first alone is longer than the cap.
pub fn cut(text: &str, cap: usize) -> &str {
    if text.len() <= cap {
        return text;
    }
    let ends = text
        .grapheme_indices(true)
        .map(|(at, grapheme)| at + grapheme.len());
    match ends.take_while(|end| *end <= cap).last() {
        Some(end) => &text[..end],
        None => &text[..text.floor_char_boundary(cap)],
    }
}

/// Full-width forms as their ASCII twins, and nothing without width: for keys and codes.
pub fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter_map(fold_char).collect())
}

fn fold_char(c: char) -> Option<char> {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
        '\u{3000}' => Some(' '),
        '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        c => line_char(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_what_a_person_sees() {
        let table = [
            ("  Ada  ", "Ada"),
            ("Ada\u{0}Love\u{7}lace", "AdaLovelace"),
            ("Ada\r\nLovelace\tB", "Ada Lovelace B"),
            ("Ada\u{A0}Lovelace\u{200B}", "Ada Lovelace"),
            ("e\u{301}", "é"),
            ("e\u{200B}\u{301}", "é"),
            ("می\u{200C}خواهم", "می\u{200C}خواهم"),
            ("👩\u{200D}🚀", "👩\u{200D}🚀"),
            ("\u{202E}gpj.exe", "gpj.exe"),
            ("Şişli &amp; Co", "Şişli &amp; Co"),
            ("\u{FEFF}\u{0}", ""),
        ];
        for (input, expected) in table {
            assert_eq!(line(input), expected, "{input:?}");
        }
    }

    #[test]
    fn a_paragraph_keeps_its_lines_and_tabs() {
        assert_eq!(paragraph(" a\r\nb\tc\rd\u{0} "), "a\nb\tc\nd");
    }

    #[test]
    fn a_cut_never_splits_a_grapheme() {
        let flag = "🇹🇷";
        let text = "a".repeat(FIELD_CAP_BYTES - 4) + flag;
        assert_eq!(line(&text).len(), FIELD_CAP_BYTES - 4);
        assert_eq!(cut("e\u{301}e\u{301}", 4), "e\u{301}");
    }

    #[test]
    fn one_endless_grapheme_is_cut_between_characters() {
        let text = format!("e{}", "\u{301}".repeat(40_000));
        assert!(line(&text).len() <= FIELD_CAP_BYTES);
        assert!(!line(&text).is_empty());
    }
}
