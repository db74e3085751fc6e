//! Phone numbers as E.164, by the rules of the customer's country.

/// Longer text is no phone number.
#[cfg(feature = "phone")]
const LONGEST: usize = 250;

/// E.164, when the text is a valid number of the country, or of any when it begins with `+`.
///
/// An extension is not part of E.164; the raw text keeps it.
#[cfg(feature = "phone")]
pub fn e164(text: &str, country: Option<&str>) -> Option<String> {
    use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

    if text.len() > LONGEST {
        return None;
    }
    let region = country.and_then(|code| code.parse::<Region>().ok());
    let number = PhoneNumber::parse(text, region).ok()?;
    number
        .is_valid()
        .then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Without the feature `phone` numbers stay as written.
#[cfg(not(feature = "phone"))]
pub fn e164(_text: &str, _country: Option<&str>) -> Option<String> {
    None
}

#[cfg(all(test, feature = "phone"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Region, input, expected E.164 or nothing; made with Google's Python port.
    const GOLDEN: &str = include_str!("../../tests/fixtures/people/phones.tsv");

    #[test]
    fn a_thousand_numbers_read_as_googles_library_reads_them() {
        let mut lines = 0;
        for line in GOLDEN.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (region, text, expected) = (columns.next(), columns.next().unwrap(), columns.next().unwrap());
            let expected = (!expected.is_empty()).then_some(expected);
            assert_eq!(
                e164(text, region.filter(|code| !code.is_empty())).as_deref(),
                expected,
                "{line}"
            );
            lines += 1;
        }
        assert!(lines >= 1_000, "{lines}");
    }

    #[test]
    fn what_is_no_valid_number_stays_as_written() {
        let table = [
            ("1234567890", Some("US")),
            ("4255550111", None),
            ("+", None),
            ("-", Some("US")),
            ("call me", Some("US")),
            ("4255550111", Some("AQ")),
        ];
        for (text, country) in table {
            assert_eq!(e164(text, country), None, "{text}");
        }
        assert_eq!(e164(&"1".repeat(60_000), Some("US")), None);
    }

    proptest! {
        #[test]
        fn no_text_upsets_the_reader(text in any::<String>(), country in proptest::option::of("[A-Z]{2}")) {
            if let Some(number) = e164(&text, country.as_deref()) {
                prop_assert_eq!(e164(&number, None), Some(number.clone()));
                prop_assert!(number.starts_with('+'));
            }
        }
    }
}
