//! Finds the e-mail addresses that bytes mention, however they are spelled or escaped.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::{email, text};

/// How often one escape may be wrapped in another: JSON in a JSON string in a form field.
const LAYERS: usize = 4;
/// No mailbox has a longer name before its `@`, in characters; what is further away is not part of it.
const LONGEST_LOCAL: usize = 64;
/// No domain is longer, in characters.
const LONGEST_DOMAIN: usize = 253;

/// Whether the bytes mention an address that is wanted. It is asked in normal form.
///
/// Looks through UTF-8, UTF-16 and Latin-1, and behind percent signs, JSON escapes and character
/// references, also where one hides in another. May find too much, such as the end of a longer
/// address after an apostrophe; never too little of what mail programs would read.
pub fn mentions(bytes: &[u8], wanted: &dyn Fn(&str) -> bool) -> bool {
    readings(bytes)
        .into_iter()
        .any(|reading| in_layers(reading, wanted))
}

/// The text without the addresses that are wanted; none when it mentions none of them.
pub fn redact(text: &str, wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    if !mentions(text.as_bytes(), wanted) {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for at in at_signs(&chars) {
        let Some((start, end)) = wanted_around(&chars, at, wanted) else {
            continue;
        };
        out.extend(&chars[from..start.max(from)]);
        out.push_str(ERASED);
        from = end;
    }
    out.extend(&chars[from..]);
    // An escape hid it: then nothing of the text can be trusted.
    Some(if mentions(out.as_bytes(), wanted) {
        ERASED.to_owned()
    } else {
        out
    })
}

/// What stands where an address stood.
pub const ERASED: &str = "[erased]";

/// The texts these bytes may be.
fn readings(bytes: &[u8]) -> Vec<Cow<'_, str>> {
    if bytes.contains(&0) {
        let wide = |unit: fn([u8; 2]) -> u16, skip: usize| {
            let units = bytes[skip.min(bytes.len())..].chunks_exact(2);
            let units: Vec<u16> = units.map(|pair| unit([pair[0], pair[1]])).collect();
            Cow::Owned(String::from_utf16_lossy(&units))
        };
        let mut all = vec![String::from_utf8_lossy(bytes)];
        for skip in 0..2 {
            all.push(wide(u16::from_le_bytes, skip));
            all.push(wide(u16::from_be_bytes, skip));
        }
        return all;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => vec![Cow::Borrowed(text)],
        Err(_) => vec![
            String::from_utf8_lossy(bytes),
            Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
        ],
    }
}

fn in_layers(reading: Cow<'_, str>, wanted: &dyn Fn(&str) -> bool) -> bool {
    let mut layer = reading;
    for _ in 0..LAYERS {
        let quoted = || unwrapped(&layer, b"=").is_some_and(|inner| in_plain(&inner, wanted));
        if in_plain(&layer, wanted) || quoted() {
            return true;
        }
        match unwrapped(&layer, b"%\\&") {
            Some(inner) => layer = Cow::Owned(inner),
            None => return false,
        }
    }
    in_plain(&layer, wanted)
}

fn in_plain(text: &str, wanted: &dyn Fn(&str) -> bool) -> bool {
    if !text.contains(['@', '\u{FF20}', '\u{FE6B}']) {
        return false;
    }
    let folded: Vec<char> = text::folded(&text.replace('\u{FE6B}', "@")).chars().collect();
    at_signs(&folded).any(|at| wanted_around(&folded, at, wanted).is_some())
}

fn at_signs(chars: &[char]) -> impl Iterator<Item = usize> + '_ {
    let is_at = |c: &char| matches!(c, '@' | '\u{FF20}' | '\u{FE6B}');
    chars
        .iter()
        .enumerate()
        .filter(move |(_, c)| is_at(c))
        .map(|(at, _)| at)
}

/// Where the wanted address around this `@` begins and ends.
fn wanted_around(chars: &[char], at: usize, wanted: &dyn Fn(&str) -> bool) -> Option<(usize, usize)> {
    let mut before = at;
    while before > 0 && matches!(chars[before - 1], ' ' | '\\') {
        before -= 1;
    }
    let mut start = before;
    while start > 0 && before - start < LONGEST_LOCAL && is_local(chars[start - 1]) {
        start -= 1;
    }
    let mut after = at + 1;
    while chars.get(after) == Some(&' ') {
        after += 1;
    }
    let rest = chars.get(after..)?.iter().take(LONGEST_DOMAIN);
    let end = after + rest.take_while(|c| is_domain(**c)).count();
    if start == before || end == after {
        return None;
    }
    // Punctuation may belong to the address or stand before it: `to=ada@..`, `'ada@..'`.
    let is_start = |from: &usize| *from == start || !is_word(chars[*from - 1]);
    let domain: String = chars[after..end].iter().copied().nfc().collect();
    let found = (start..before).filter(is_start).find(|from| {
        let local: String = chars[*from..before].iter().copied().nfc().collect();
        email::normalize(&format!("{local}@{domain}")).is_some_and(|address| wanted(&address))
    });
    found.map(|from| (from, end))
}

fn is_local(c: char) -> bool {
    is_word(c) || "!#$%&'*/=?^`{|}~".contains(c)
}

/// What surely belongs to the address when it stands in it. Combining marks do.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+') || is_foreign(c)
}

fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-') || is_foreign(c)
}

fn is_foreign(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && c != char::REPLACEMENT_CHARACTER
}

/// One layer less of the escapes that begin with one of `marks`; none when there is none. Mail marks with
/// `=` what forms use as it is: both at once would spoil the other.
fn unwrapped(text: &str, marks: &[u8]) -> Option<String> {
    if !text.bytes().any(|byte| marks.contains(&byte)) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some(first) = rest.chars().next() {
        let is_marked = marks.contains(&rest.as_bytes()[0]);
        if let Some((plain, used)) = is_marked.then(|| escape(rest)).flatten() {
            bytes.extend_from_slice(&plain);
            rest = &rest[used..];
            changed = true;
        } else {
            let used = first.len_utf8();
            bytes.extend_from_slice(&rest.as_bytes()[..used]);
            rest = &rest[used..];
        }
    }
    changed.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// What the escape at the beginning of the text stands for, and how long it is.
fn escape(text: &str) -> Option<(Vec<u8>, usize)> {
    let bytes = text.as_bytes();
    let hex = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let letter = |code: u32, used: usize| {
        let letter = char::from_u32(code)?;
        Some((letter.to_string().into_bytes(), used))
    };
    match bytes {
        [b'%' | b'=', ..] => Some((vec![u8::try_from(hex(1..3)?).ok()?], 3)),
        [b'\\', b'u', ..] => {
            let code = hex(2..6)?;
            let is_high = (0xD800..0xDC00).contains(&code) && text.get(6..8) == Some("\\u");
            match is_high.then(|| hex(8..12)).flatten() {
                Some(low) if (0xDC00..0xE000).contains(&low) => {
                    letter(0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00), 12)
                }
                _ => letter(code, 6),
            }
        }
        [b'\\', b'x', ..] => letter(hex(2..4)?, 4),
        [b'\\', quoted @ (b'"' | b'/' | b'\\'), ..] => Some((vec![*quoted], 2)),
        [b'&', b'#', ..] => {
            let end = text[..text.floor_char_boundary(12)].find(';')?;
            let number = text.get(2..end)?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            letter(code, end + 1)
        }
        [b'&', b'a', b'm', b'p', b';', ..] => Some((vec![b'&'], 5)),
        [b'&', b'c', b'o', b'm', b'm', b'a', b't', b';', ..] => Some((vec![b'@'], 8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_ada(address: &str) -> bool {
        address == "ada@example.com"
    }

    #[test]
    fn an_address_is_found_in_every_spelling() {
        for text in [
            "ada@example.com",
            "ADA@Example.Com",
            "{\"Email\":\"ada@example.com\"}",
            "{\"Email\":\"ada\\u0040example.com\"}",
            "\"{\\\"Email\\\":\\\"\\\\u0061da\\\\u0040example.com\\\"}\"",
            "Email=ada%40example.com&x=1",
            "Email=%2561da%2540example.com",
            "<a href='mailto:ada@example.com'>",
            "ada&#64;example.com",
            "ada&#x40;example&#46;com",
            "ada&commat;example.com",
            "To: =?utf-8?Q?ada=40example.com?=",
            "Ada L <ada@example.com>, b@example.com",
            "ada \\@ example.com",
            "see ada@example.com.",
            "'ada@example.com'",
            "ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "ada\u{200B}@exam\u{AD}ple.com",
            "ada@example.com@",
        ] {
            assert!(mentions(text.as_bytes(), &is_ada), "{text}");
        }
    }

    #[test]
    fn an_address_is_found_in_other_encodings() {
        let units = "name;ada@example.com".encode_utf16();
        let wide: Vec<u8> = units.clone().flat_map(u16::to_le_bytes).collect();
        let other: Vec<u8> = units.flat_map(u16::to_be_bytes).collect();
        let latin = [b"G\xFCl; ada@example.com".as_slice(), b"\xFF"].concat();
        for bytes in [wide, other, latin] {
            assert!(mentions(&bytes, &is_ada), "{bytes:?}");
        }
        let gul = |address: &str| address == "gül@example.com";
        assert!(mentions(b"to g\xFCl@example.com", &gul));
        assert!(mentions("gu\\u0308l g\\u00fcl@example.com".as_bytes(), &gul));
        assert!(mentions(b"g%C3%BCl@example.com", &gul));
    }

    #[test]
    fn another_address_is_not_taken_for_it() {
        for text in [
            "",
            "ada",
            "@example.com",
            "cada@example.com",
            "x.ada@example.com",
            "ada@example.com.tr",
            "ada@sub.example.com",
            "ada+crm@example.com",
            "ada@example.co",
            "ada%example.com",
        ] {
            assert!(!mentions(text.as_bytes(), &is_ada), "{text}");
        }
    }

    #[test]
    fn what_is_redacted_keeps_the_rest() {
        let table = [
            (
                "Ask ADA@example.com, or b@example.com.",
                "Ask [erased], or b@example.com.",
            ),
            ("ada@example.com ada@example.com", "[erased] [erased]"),
            ("ada%40example.com", ERASED),
        ];
        for (text, expected) in table {
            assert_eq!(redact(text, &is_ada).as_deref(), Some(expected));
        }
        assert_eq!(redact("b@example.com", &is_ada), None);
    }

    proptest! {
        #[test]
        fn nothing_wanted_is_left_after_redaction(
            before in "\\PC{0,12}", after in "\\PC{0,12}", escaped in any::<bool>(),
        ) {
            let address = if escaped { "ada\\u0040example.com" } else { "Ada@example.com" };
            let text = format!("{before} {address} {after}");
            let left = redact(&text, &is_ada).unwrap_or(text);
            prop_assert!(!mentions(left.as_bytes(), &is_ada));
        }

        #[test]
        fn any_bytes_are_searched_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            mentions(&bytes, &is_ada);
        }
    }
}
