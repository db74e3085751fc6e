//! E-mail addresses: lower case, ASCII domain, or not an address at all.

use std::borrow::Cow;

use email_address::{EmailAddress, Options};

use super::text::folded;

/// The longest address mail can carry.
const LONGEST: usize = 254;
const LONGEST_DOMAIN: usize = 253;
const LONGEST_LABEL: usize = 63;

/// The one spelling of an address; none when the text is not exactly one address.
///
/// Case, full-width forms, escaped `@`, a display name and a final dot do not count. Plus tags and
/// look-alike letters do: those are different mailboxes.
pub fn normalize(text: &str) -> Option<String> {
    if text.len() > 4 * LONGEST {
        return None;
    }
    let text = folded(text);
    let (local, domain) = bare(text.trim()).rsplit_once('@')?;
    let local = local.trim_end_matches(['\\', ' ']);
    let domain = ascii_domain(domain.trim().trim_end_matches('.'))?;
    let address = format!("{}@{domain}", local.to_lowercase());
    (address.len() <= LONGEST && is_address(&address)).then_some(address)
}

/// Whether the address is one nobody reads, so that it identifies nobody.
pub fn is_nobodys(address: &str) -> bool {
    const NOBODY: [&str; 7] = [
        "noreply",
        "no-reply",
        "no_reply",
        "no.reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
    ];
    let local = address.split_once('@').map_or(address, |(local, _)| local);
    NOBODY.contains(&local)
}

/// Without `mailto:` and display name.
fn bare(text: &str) -> &str {
    let text = match text.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto:") => rest.trim(),
        _ => text,
    };
    let Some(open) = text.strip_suffix('>') else {
        return text;
    };
    open.rsplit_once('<').map_or(text, |(_, address)| address.trim())
}

/// The domain as the DNS spells it; at least two labels, the last one not a number.
fn ascii_domain(domain: &str) -> Option<String> {
    let plain = domain
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let ascii = if plain && !domain.contains("xn--") {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL)
            .map(Cow::into_owned)
            .ok()?
    };
    let well_formed = ascii.len() <= LONGEST_DOMAIN && ascii.contains('.') && ascii.split('.').all(is_label);
    let last = ascii.rsplit('.').next()?;
    (well_formed && !last.bytes().all(|b| b.is_ascii_digit())).then_some(ascii)
}

fn is_label(label: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = label.as_bytes();
    bytes.len() <= LONGEST_LABEL && edge(bytes.first()) && edge(bytes.last())
}

fn is_address(address: &str) -> bool {
    let options = Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    EmailAddress::parse_with_options(address, options).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_mailbox_has_one_spelling() {
        let table = [
            ("ada@example.com", "ada@example.com"),
            ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
            (" ada@example.com ", "ada@example.com"),
            ("Jsmith \\@ Microsoft.com", "jsmith@microsoft.com"),
            ("Jsmith\\@Microsoft.com", "jsmith@microsoft.com"),
            ("Ada L <ada@example.com>", "ada@example.com"),
            ("<ada@example.com>", "ada@example.com"),
            ("mailto:ada@example.com", "ada@example.com"),
            ("ada@example.com.", "ada@example.com"),
            ("ada\u{200B}@exam\u{AD}ple.com", "ada@example.com"),
            ("ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
            ("ada@example。com", "ada@example.com"),
            ("ada+crm@example.com", "ada+crm@example.com"),
            ("gül@şirket.example", "gül@xn--irket-idb.example"),
            ("ada@xn--irket-idb.example", "ada@xn--irket-idb.example"),
            ("\"ada l\"@example.com", "\"ada l\"@example.com"),
        ];
        for (text, expected) in table {
            assert_eq!(normalize(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_exactly_one_address_is_none() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "@",
            "ada",
            "a@b",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@.com",
            "a@b..com",
            "a@-b.com",
            "a@b-.com",
            "@example.com",
            "a@example.com, b@example.com",
            "a@example.com b@example.com",
            "a@example.com;b@example.com",
            "a b@example.com",
            "n/a",
            "null",
            "a@exa mple.com",
            "<a@b.com",
            "a@b.com>",
            "a@@b.com",
            &long,
        ] {
            assert_eq!(normalize(text), None, "{text:?}");
        }
    }

    #[test]
    fn length_is_that_of_mail() {
        let label = "b".repeat(63);
        let domain = format!("{label}.{label}.{label}.");
        let address = |len: usize| {
            let tail = format!("{domain}{}", "c".repeat(len - domain.len() - 2));
            format!("a@{tail}")
        };
        assert_eq!(address(254).len(), 254);
        assert!(normalize(&address(254)).is_some());
        assert_eq!(normalize(&address(255)), None);
        assert_eq!(
            normalize(&format!("{}@{}", "a".repeat(64), "b".repeat(255))),
            None
        );
        assert_eq!(normalize(&"a@b.com,".repeat(10_000)), None);
    }

    #[test]
    fn look_alikes_stay_apart() {
        assert_ne!(normalize("ada@раураl.com"), normalize("ada@paypal.com"));
        assert!(normalize("ada@раураl.com").is_some_and(|address| address.contains("xn--")));
        assert_ne!(normalize("аda@example.com"), normalize("ada@example.com"));
    }

    #[test]
    fn nobody_reads_a_no_reply_address() {
        assert!(is_nobodys("no-reply@example.com"));
        assert!(!is_nobodys("nora.reply@example.com"));
        assert!(!is_nobodys("test@example.com"));
    }

    proptest! {
        #[test]
        fn a_normal_address_is_its_own_normal_form(text in "[ -~]{0,20}@[ -~]{0,20}|\\PC{0,20}@\\PC{0,20}") {
            if let Some(address) = normalize(&text) {
                prop_assert_eq!(normalize(&address), Some(address));
            }
        }
    }
}
