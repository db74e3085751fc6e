//! The grammar of `LeadSource`: `source [ "-" action ] [ "|" offer ]` (contract partner-center 10.2).

use super::text::folded;

/// What `LeadSource` says, its parts as written except for known sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeadSource<'a> {
    /// The storefront, canonical where known.
    pub source: &'a str,
    /// The action as written; empty when it names none.
    pub action: &'a str,
    /// The offer as written; empty when it names none.
    pub offer: &'a str,
}

/// Spellings seen, longest first, and the storefront they mean.
const SOURCES: [(&str, &str); 6] = [
    ("AzureMarketplace", "AzureMarketplace"),
    ("AppSource (SPZA)", "AppSource"),
    ("AzurePortal", "AzurePortal"),
    ("AppSource", "AppSource"),
    ("TestDrive", "TestDrive"),
    ("SPZA", "AppSource"),
];

/// Reads one line. Anything is readable; what follows no rule is taken as written.
pub fn parse(text: &str) -> LeadSource<'_> {
    let (left, offer) = text.split_once(is_pipe).unwrap_or((text, ""));
    let (source, action) = source_and_action(left.trim());
    LeadSource {
        source,
        action,
        offer: offer.trim(),
    }
}

fn source_and_action(left: &str) -> (&str, &str) {
    for (spelling, canonical) in SOURCES {
        let Some((head, rest)) = left.split_at_checked(spelling.len()) else {
            continue;
        };
        if !head.eq_ignore_ascii_case(spelling) {
            continue;
        }
        let rest = rest.trim_start();
        if rest.is_empty() {
            return (canonical, "");
        }
        if let Some(action) = rest.strip_prefix(is_dash) {
            return (canonical, action.trim());
        }
    }
    let parts = left
        .rsplit_once(is_dash)
        .map(|(source, action)| (source.trim(), action.trim()));
    parts.unwrap_or((left, ""))
}

/// The published actions (contract partner-center 10.2).
const ACTIONS: [&str; 5] = ["INS", "PLT", "DNC", "Create", "StartTestDrive"];

/// The published spelling of an action; as written when it is not published.
pub fn canonical_action(text: &str) -> &str {
    let known = ACTIONS.iter().find(|action| text.eq_ignore_ascii_case(action));
    known.copied().unwrap_or(text)
}

/// Whether the line forbids contact. Any action token that reads `dnc` does, however it is spelled
/// and wherever it stands; the offer is not searched, because its name is no action.
pub fn forbids_contact(text: &str) -> bool {
    let text = folded(text);
    let mut parts = text.split(is_pipe).peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let is_offer = !first && parts.peek().is_none();
        let has_token = || spells_it_out(part) || part.split(is_between_tokens).any(is_dnc);
        if is_dnc(part) || (!is_offer && has_token()) {
            return true;
        }
        first = false;
    }
    false
}

fn is_between_tokens(c: char) -> bool {
    !c.is_alphanumeric() && c != '.'
}

/// `dnc`, spaces and punctuation aside.
fn is_dnc(token: &str) -> bool {
    letters(token).eq("dnc".chars())
}

fn spells_it_out(part: &str) -> bool {
    const WORDS: &str = "donotcontact";
    part.len() >= WORDS.len() && letters(part).collect::<String>().contains(WORDS)
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
}

fn is_pipe(c: char) -> bool {
    matches!(
        c,
        '|' | '\u{FF5C}' | '\u{FFE8}' | '\u{2502}' | '\u{00A6}' | '\u{2223}'
    )
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{FF0D}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_published_and_odd_form_is_read() {
        let table = [
            ("", ("", "", "")),
            ("AzureMarketplace", ("AzureMarketplace", "", "")),
            ("azuremarketplace", ("AzureMarketplace", "", "")),
            (
                "AzureMarketplace-INS|pub.offer",
                ("AzureMarketplace", "INS", "pub.offer"),
            ),
            ("AppSource (SPZA)-PLT|p.o", ("AppSource", "PLT", "p.o")),
            ("AppSource (SPZA) - PLT | p.o", ("AppSource", "PLT", "p.o")),
            ("AppSource-PLT|p.o", ("AppSource", "PLT", "p.o")),
            ("SPZA-DNC|p.o", ("AppSource", "DNC", "p.o")),
            ("spza-plt|p.o", ("AppSource", "plt", "p.o")),
            ("SPZA", ("AppSource", "", "")),
            ("SPZA|p.o", ("AppSource", "", "p.o")),
            (
                "AzurePortal-Create|contoso.vm-firewall-byol",
                ("AzurePortal", "Create", "contoso.vm-firewall-byol"),
            ),
            (
                "TestDrive-StartTestDrive|c.td",
                ("TestDrive", "StartTestDrive", "c.td"),
            ),
            (
                "AzureMarketplace-INS|a.b|c.d",
                ("AzureMarketplace", "INS", "a.b|c.d"),
            ),
            (
                "AzureMarketplace-INS|no dot",
                ("AzureMarketplace", "INS", "no dot"),
            ),
            (
                "AzureMarketplace-INS|p.o.1.2",
                ("AzureMarketplace", "INS", "p.o.1.2"),
            ),
            ("AzureMarketplace-INS｜p.o", ("AzureMarketplace", "INS", "p.o")),
            ("AzureMarketplace－INS｜p.o", ("AzureMarketplace", "INS", "p.o")),
            ("AzureMarketplace-XYZ|p.o", ("AzureMarketplace", "XYZ", "p.o")),
            ("AzureMarketplace-|p.o", ("AzureMarketplace", "", "p.o")),
            ("AzureMarketplaceX-INS|p.o", ("AzureMarketplaceX", "INS", "p.o")),
            ("Some-New-Store-INS|p.o", ("Some-New-Store", "INS", "p.o")),
            ("Unheard of", ("Unheard of", "", "")),
            ("-INS|p.o", ("", "INS", "p.o")),
            ("|p.o", ("", "", "p.o")),
            (
                "MSFT_TEST_1-MSFT_TEST_1|Contoso Test",
                ("MSFT_TEST_1", "MSFT_TEST_1", "Contoso Test"),
            ),
        ];
        for (line, (source, action, offer)) in table {
            assert_eq!(
                parse(line),
                LeadSource {
                    source,
                    action,
                    offer
                },
                "{line:?}"
            );
        }
    }

    #[test]
    fn do_not_contact_gates_in_any_spelling_and_place() {
        for line in [
            "SPZA-DNC|p.o",
            "spza-dnc|p.o",
            "SPZA - Dnc | p.o",
            "AppSource (SPZA)-DNC|p.o",
            "AppSource (SPZA) DNC|p.o",
            "SPZA\u{2013}DNC|p.o",
            "SPZA\u{2014}DNC",
            "ＳＰＺＡ－ＤＮＣ｜p.o",
            "SPZA-D.N.C.|p.o",
            "SPZA-D\u{200B}NC|p.o",
            "SPZA-DNC-PLT|p.o",
            "SPZA-PLT-DNC|p.o",
            "SPZA_DNC|p.o",
            "SPZA|DNC|p.o",
            "SPZA|DNC",
            "| DNC |",
            "DNC",
            " dnc ",
            "SPZA-DNC p.o",
            "SPZA-Do Not Contact|p.o",
            "DoNotContact",
            "SPZA-do-not-contact|p.o",
            "SPZA-DNC\u{2502}p.o",
        ] {
            assert!(forbids_contact(line), "{line:?}");
        }
    }

    #[test]
    fn an_offer_that_only_sounds_like_it_does_not_gate() {
        for line in [
            "SPZA-PLT|contoso.dnc-tool",
            "SPZA-PLT|DNC Manager",
            "AzureMarketplace-INS|dnc.dnc-1",
            "SPZA-DNCX|p.o",
            "",
        ] {
            assert!(!forbids_contact(line), "{line:?}");
        }
    }

    #[test]
    fn sixty_kilobytes_of_pipes_are_one_strange_offer() {
        let line = "|".repeat(60 * 1024);
        assert_eq!(parse(&line).offer.len(), line.len() - 1);
        assert!(!forbids_contact(&line));
        assert!(forbids_contact(&format!("SPZA-DNC{line}")));
    }

    #[test]
    fn published_actions_have_one_spelling() {
        for (text, expected) in [
            ("ins", "INS"),
            ("CREATE", "Create"),
            ("starttestdrive", "StartTestDrive"),
            ("Xyz", "Xyz"),
        ] {
            assert_eq!(canonical_action(text), expected);
        }
    }

    proptest! {
        #[test]
        fn anything_is_readable(line in any::<String>()) {
            let parsed = parse(&line);
            prop_assert!(parsed.offer.len() <= line.len());
            let _ = forbids_contact(&line);
        }

        #[test]
        fn what_is_composed_is_found_again(
            spelling in 0..SOURCES.len(), action in "[A-Za-z]{0,12}", offer in "[a-z0-9]{1,8}\\.[a-z0-9.|-]{1,20}[a-z0-9]",
            gap in " {0,2}",
        ) {
            let (spelling, source) = SOURCES[spelling];
            let dash = if action.is_empty() { "" } else { "-" };
            let line = format!("{spelling}{gap}{dash}{gap}{action}{gap}|{gap}{offer}");
            prop_assert_eq!(parse(&line), LeadSource { source, action: &action, offer: &offer });
        }
    }
}
