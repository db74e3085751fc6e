//! What an operator gives for a referral, checked before anything is asked for.

use connector_kit::Amount;
use connector_kit::referral::Member;

/// A deal's value: a plain decimal number, not below zero.
pub(super) fn value(text: &str) -> Result<Amount, String> {
    let amount: Amount = text.parse().map_err(|error| format!("{error}"))?;
    if amount.to_string().starts_with('-') {
        return Err("a deal is worth nothing or more".to_owned());
    }
    Ok(amount)
}

/// Three letters.
pub(super) fn currency(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err("a currency is three letters, like EUR or USD".to_owned())
    }
}

/// Text that says something.
pub(super) fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("it holds control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// `Jane Doe <jane@example.com>`: given names, family name, address.
pub(super) fn member(text: &str) -> Result<Member, String> {
    let wrong = || "write somebody as \"Jane Doe <jane@example.com>\"".to_owned();
    let (name, rest) = text.trim().split_once('<').ok_or_else(wrong)?;
    let email = rest.strip_suffix('>').ok_or_else(wrong)?.trim();
    let (first_name, last_name) = name.trim().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    if !is_address || email.contains(char::is_whitespace) || email.contains(['<', '>', ',', ';']) {
        return Err(wrong());
    }
    Ok(Member {
        first_name: first_name.trim().to_owned(),
        last_name: last_name.to_owned(),
        email: email.to_owned(),
        phone: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_plain_number_and_a_currency_three_letters() {
        assert_eq!(value("25000.50").unwrap().to_string(), "25000.50");
        for bad in ["", "-1", "1e6", "25.000,50", "EUR 5"] {
            assert!(value(bad).is_err(), "{bad}");
        }
        assert_eq!(currency(" eur ").unwrap(), "EUR");
        for bad in ["", "€", "EU", "EURO", "E1R"] {
            assert!(currency(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_says_something_and_hides_nothing() {
        assert_eq!(text("  two\nlines ").unwrap(), "two\nlines");
        for bad in ["", "  ", "a\u{1b}[2J", "bell\u{7}"] {
            assert!(text(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn somebody_has_two_names_and_an_address() {
        let jane = member("Mary Jane Doe <jane@contoso.example>").unwrap();
        let told = (
            jane.first_name.as_str(),
            jane.last_name.as_str(),
            jane.email.as_str(),
        );
        assert_eq!(told, ("Mary Jane", "Doe", "jane@contoso.example"));
        for bad in [
            "jane@contoso.example",
            "Jane <jane@contoso.example>",
            "Jane Doe",
            "Jane Doe <jane>",
            "Jane Doe <jane@contoso>",
            "Jane Doe <@contoso.example>",
            "Jane Doe <jane@contoso.example> x",
            "Jane Doe <a@b.example, c@d.example>",
        ] {
            assert!(member(bad).is_err(), "{bad}");
        }
    }
}
