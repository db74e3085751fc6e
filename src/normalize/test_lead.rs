//! Microsoft's own try-outs, recognised by their mark.

use super::fields::{Fields, Member};

const MARK: &str = "MSFT_TEST_";

/// Where the mark may stand (contract partner-center 11.1, 11.4).
const MARKED: [Member; 7] = [
    Member::FirstName,
    Member::LastName,
    Member::Email,
    Member::Company,
    Member::Title,
    Member::Description,
    Member::LeadSource,
];

/// Whether any marked field begins with `MSFT_TEST_` and a digit.
pub(super) fn is_test(fields: &Fields<'_>) -> bool {
    MARKED
        .iter()
        .any(|member| fields.get(*member).is_some_and(is_marked))
}

/// Whether the text begins with the mark.
pub(super) fn is_marked(text: &str) -> bool {
    let bytes = text.trim_start().as_bytes();
    match bytes.split_at_checked(MARK.len()) {
        Some((head, [digit, ..])) => head.eq_ignore_ascii_case(MARK.as_bytes()) && digit.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_needs_its_number_and_its_place() {
        let table = [
            ("MSFT_TEST_636573304831318844", true),
            ("  msft_test_1@test.com", true),
            ("MSFT_TEST_1-MSFT_TEST_1|Contoso Test", true),
            ("MSFT_TEST_", false),
            ("MSFT_TEST_x", false),
            ("about MSFT_TEST_1", false),
            ("Ünal", false),
        ];
        for (text, expected) in table {
            assert_eq!(is_marked(text), expected, "{text}");
        }
    }
}
