//! Phone numbers as E.164, by the rules of the customer's country.

#[cfg(feature = "phone")]
mod plain;

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
    let number = match plain::read(text, region) {
        Some(number) => number,
        None => PhoneNumber::parse(text, region).ok()?,
    };
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
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, Region};

    use super::super::country_table::COUNTRIES;
    use super::*;

    fn regions() -> Vec<Region> {
        COUNTRIES
            .iter()
            .filter_map(|(code, ..)| code.parse().ok())
            .collect()
    }

    #[test]
    fn the_short_way_takes_what_most_people_write() {
        let golden = GOLDEN
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split('\t'));
        let (mut valid, mut short) = (0, 0);
        for mut columns in golden {
            let region = columns.next().and_then(|code| code.parse().ok());
            let text = columns.next().unwrap();
            let number = plain::read(text, region);
            if let Some(number) = &number {
                assert_eq!(Ok(number), PhoneNumber::parse(text, region).as_ref(), "{text}");
            }
            let is_valid = columns.next() != Some("");
            valid += i32::from(is_valid);
            short += i32::from(is_valid && number.is_some());
        }
        assert!(short * 10 > valid * 9, "{short} of {valid}");
    }

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
        fn the_short_way_reads_what_the_library_reads(
            text in "(\\+|\\+ ?)?[(]?[0-9 ./()-]{2,18}|0[0-9]{4,12}|\\+[1-9][0-9]{5,13}",
            region in prop::sample::select(regions()),
            with_code in any::<bool>(),
        ) {
            let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region).filter(|_| with_code);
            let text = code.map_or_else(|| text.clone(), |code| format!("{code}{}", text.trim_start_matches('+')));
            if let Some(number) = plain::read(&text, Some(region)) {
                prop_assert_eq!(Ok(number), PhoneNumber::parse(&text, Some(region)));
            }
        }

        #[test]
        fn no_text_upsets_the_reader(text in any::<String>(), country in proptest::option::of("[A-Z]{2}")) {
            if let Some(number) = e164(&text, country.as_deref()) {
                prop_assert_eq!(e164(&number, None), Some(number.clone()));
                prop_assert!(number.starts_with('+'));
            }
        }
    }
}
