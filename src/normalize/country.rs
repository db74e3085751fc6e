//! Countries, from whatever people write to ISO 3166-1 alpha-2.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::country_table::COUNTRIES;
use super::placeholder::is_placeholder;

/// No name in use is longer, folded.
const LONGEST: usize = 64;

/// Alpha-3 codes and names, folded, to alpha-2.
static BY_NAME: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let named = |(two, three, names): &(&'static str, &'static str, &'static [&'static str])| {
        let names = names.iter().copied().chain([*three]).map(folded);
        names.map(|name| (name, *two)).collect::<Vec<_>>()
    };
    COUNTRIES.iter().flat_map(named).collect()
});

/// The alpha-2 code of a country given as alpha-2, alpha-3, English name or common alias.
pub fn alpha2(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if let Some(code) = by_code(text) {
        return Some(code);
    }
    if text.len() > 2 * LONGEST || is_placeholder(text) {
        return None;
    }
    let dotless = || by_code(&text.replace('.', ""));
    BY_NAME.get(&folded(text)).copied().or_else(dotless)
}

fn by_code(text: &str) -> Option<&'static str> {
    let [first, second] = text.as_bytes() else {
        return None;
    };
    let code = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
    let at = COUNTRIES
        .binary_search_by(|(two, ..)| two.as_bytes().cmp(&code))
        .ok()?;
    Some(COUNTRIES[at].0)
}

/// Lower case, without marks, spaces and punctuation; `&` reads "and".
fn folded(name: &str) -> String {
    let letters = name
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase);
    let mut out = String::with_capacity(name.len());
    for c in letters {
        match c {
            '&' => out.push_str("and"),
            c if c.is_alphanumeric() => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_its_codes_and_names() {
        let table = [
            ("US", "US"),
            ("us", "US"),
            (" USA ", "US"),
            ("U.S.", "US"),
            ("U.S.A.", "US"),
            ("United States", "US"),
            ("united states of america", "US"),
            ("ABD", "US"),
            ("UK", "GB"),
            ("U.K.", "GB"),
            ("United Kingdom", "GB"),
            ("South Korea", "KR"),
            ("Korea, Republic of", "KR"),
            ("Türkiye", "TR"),
            ("TURKIYE", "TR"),
            ("Turkey", "TR"),
            ("Viet Nam", "VN"),
            ("Vietnam", "VN"),
            ("Czech Republic", "CZ"),
            ("Czechia", "CZ"),
            ("Hong Kong", "HK"),
            ("NA", "NA"),
            ("XK", "XK"),
            ("Kosovo", "XK"),
            ("deu", "DE"),
            ("Côte d'Ivoire", "CI"),
            ("Cote d’Ivoire", "CI"),
            ("Trinidad & Tobago", "TT"),
        ];
        for (text, code) in table {
            assert_eq!(alpha2(text), Some(code), "{text}");
        }
    }

    #[test]
    fn what_is_no_country_stays_unknown() {
        for text in [
            "",
            "?",
            "??",
            "ZZ",
            "EU",
            "Atlantis",
            "N/A",
            "n.a.",
            "1",
            "🇹🇷",
            &"a".repeat(10_000),
        ] {
            assert_eq!(alpha2(text), None, "{text}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_no_name_means_two_countries() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        let names: usize = COUNTRIES.iter().map(|(_, _, names)| names.len() + 1).sum();
        assert_eq!(BY_NAME.len(), names);
        for (two, three, names) in &COUNTRIES {
            assert_eq!(alpha2(two), Some(*two));
            assert_eq!(alpha2(three), Some(*two));
            assert!(
                names
                    .iter()
                    .all(|name| folded(name).len() <= LONGEST && alpha2(name) == Some(*two))
            );
        }
    }
}
