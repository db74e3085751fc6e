//! Words people type when they mean nothing.

/// Folded forms; no white space, lower case.
const WORDS: [&str; 21] = [
    "",
    "-",
    "--",
    "---",
    ".",
    "..",
    "...",
    "?",
    "??",
    "_",
    "0",
    "x",
    "xx",
    "xxx",
    "n/a",
    "n.a.",
    "na",
    "nil",
    "none",
    "null",
    "undefined",
];
const MORE_WORDS: [&str; 8] = [
    "unknown",
    "test",
    "testing",
    "(null)",
    "[null]",
    "nocompany",
    "notavailable",
    "notapplicable",
];

/// Whether the text says nothing, so that it identifies nobody and never replaces a real value.
pub fn is_placeholder(text: &str) -> bool {
    const LONGEST: usize = 24;
    if text.len() > LONGEST {
        return false;
    }
    let mut folded = [0u8; LONGEST];
    let mut len = 0;
    for byte in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        folded[len] = byte.to_ascii_lowercase();
        len += 1;
    }
    let folded = &folded[..len];
    WORDS
        .iter()
        .chain(&MORE_WORDS)
        .any(|word| word.as_bytes() == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_nothing_are_known() {
        for text in [
            "",
            " ",
            "null",
            "NULL",
            "N/A",
            "n / a",
            "test",
            "-",
            "None",
            "Not available",
        ] {
            assert!(is_placeholder(text), "{text:?}");
        }
    }

    #[test]
    fn real_values_are_not_taken_for_nothing() {
        for text in [
            "Contoso",
            "Null & Söhne",
            "testing.example",
            "Xerox",
            "NA Systems",
            "ア",
        ] {
            assert!(!is_placeholder(text), "{text:?}");
        }
    }
}
