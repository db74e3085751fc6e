//! The short way for numbers written plainly: digits, a leading `+`, and common punctuation.
//!
//! The library looks for extensions, second numbers, vanity letters and foreign digits with large
//! patterns. Plain text holds none of them, so only the country's own small patterns are asked; where
//! they leave a doubt, the answer is none and the library reads the text.

use rlibphonenumber::interfaces::AsOriginal;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, Region};

/// Shorter and longer numbers have rules of their own.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// What the library would read, or none when it has to be asked.
pub(super) fn read(text: &str, region: Option<Region>) -> Option<PhoneNumber> {
    let (international, digits) = plain_digits(text)?;
    if international {
        let (code, rest) = calling_code(&digits)?;
        return of_country(code, rest);
    }
    let library = PHONE_NUMBER_UTIL.as_original();
    let region = region?;
    let rules = library.get_metadata_for_region(region)?;
    if rules
        .international_prefix()
        .anchor_start()
        .ok()?
        .is_some_and(|exit| exit.is_match(&digits))
    {
        return None;
    }
    let code = library.get_country_code_for_region(region)?;
    let Some(rest) = digits.strip_prefix(&code.to_string()) else {
        return of_region(code, region, &digits);
    };
    // The calling code without `+`, or digits that only look like it.
    let (rest, _) = library
        .maybe_strip_national_prefix_and_carrier_code(rules, rest)
        .ok()?;
    let pattern = rules
        .general_desc
        .national_number_pattern()
        .anchor_full()
        .ok()??;
    if !pattern.is_match(&digits) && pattern.is_match(&rest) {
        return of_country(code, &rest);
    }
    let longest = rules.general_desc.original.possible_length.iter().max()?;
    if digits.len() > usize::try_from(*longest).ok()? {
        return None;
    }
    of_region(code, region, &digits)
}

fn of_country(code: i32, national: &str) -> Option<PhoneNumber> {
    of_region(
        code,
        PHONE_NUMBER_UTIL.get_region_for_country_code(code)?,
        national,
    )
}

/// The number without the prefix dialled at home, where one is left.
fn of_region(code: i32, region: Region, national: &str) -> Option<PhoneNumber> {
    let library = PHONE_NUMBER_UTIL.as_original();
    let rules = library.get_metadata_for_region_or_calling_code(code, region)?;
    let (stripped, _) = library
        .maybe_strip_national_prefix_and_carrier_code(rules, national)
        .ok()?;
    let lengths = &rules.general_desc.original;
    let is_stripped = may_strip(
        stripped.len(),
        &lengths.possible_length,
        &lengths.possible_length_local_only,
    );
    number(code, if is_stripped { &stripped } else { national })
}

/// The digits, and whether a `+` stands before them.
fn plain_digits(text: &str) -> Option<(bool, String)> {
    let mut digits = String::with_capacity(text.len());
    let mut international = false;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(char::from(byte)),
            b'+' if digits.is_empty() && !international => international = true,
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' => {}
            _ => return None,
        }
    }
    DIGITS.contains(&digits.len()).then_some((international, digits))
}

/// The calling code at the front, and the rest. No code is the beginning of another.
fn calling_code(digits: &str) -> Option<(i32, &str)> {
    if digits.starts_with('0') {
        return None;
    }
    (1..=3).find_map(|len| {
        let (code, rest) = digits.split_at_checked(len)?;
        let code = code.parse().ok()?;
        PHONE_NUMBER_UTIL
            .get_region_for_country_code(code)
            .map(|_| (code, rest))
    })
}

/// A prefix is taken away unless what is left is too short, or a number within a town only.
fn may_strip(length: usize, possible: &[i32], local: &[i32]) -> bool {
    let Ok(length) = i32::try_from(length) else {
        return false;
    };
    let longest = possible.iter().max().filter(|longest| **longest > 0);
    !local.contains(&length) && longest.is_some_and(|longest| length > *longest || possible.contains(&length))
}

/// The number; one leading zero is part of it, more are the library's affair.
fn number(country_code: i32, national: &str) -> Option<PhoneNumber> {
    let zeros = national.len() - national.trim_start_matches('0').len();
    if zeros > 1 || national.len() < *DIGITS.start() - 1 {
        return None;
    }
    Some(PhoneNumber {
        country_code,
        national_number: national.parse().ok()?,
        italian_leading_zero: (zeros == 1).then_some(true),
        ..PhoneNumber::default()
    })
}
