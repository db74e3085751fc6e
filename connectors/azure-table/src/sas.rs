//! Shared access signatures: a query string that opens a table for a while (contract azure-table 3.2).

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use connector_kit::ConfigError;
use connector_kit::secret::Secret;
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::entity::LITERAL;

/// A token, its values percent-encoded exactly once.
#[derive(Clone, Debug)]
pub(crate) struct Sas {
    query: Secret,
    expires: Option<DateTime<Utc>>,
    rights: String,
}

impl Sas {
    /// Takes the token as the portal shows it, with or without `?`, encoded or not.
    pub(crate) fn parse(key: &str, token: &Secret) -> Result<Self, ConfigError> {
        let mut pairs = Vec::new();
        let (mut signed, mut expires, mut rights) = (false, None, String::new());
        for pair in token
            .expose()
            .trim()
            .trim_start_matches('?')
            .split('&')
            .filter(|p| !p.is_empty())
        {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(ConfigError::new(
                    key,
                    "the shared access signature is not a list of name=value pairs",
                ));
            };
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sig" => signed = !value.is_empty(),
                "se" => expires = moment(&value),
                "sp" => rights = value.clone().into_owned(),
                _ => {}
            }
            pairs.push(format!("{name}={}", utf8_percent_encode(&value, LITERAL)));
        }
        if !signed {
            return Err(ConfigError::new(
                key,
                "the shared access signature lacks its sig member",
            ));
        }
        Ok(Self {
            query: Secret::new(pairs.join("&")),
            expires,
            rights,
        })
    }

    /// What is appended to every URL.
    pub(crate) fn query(&self) -> &str {
        self.query.expose()
    }

    /// When it ends; none for one that names a stored access policy instead.
    pub(crate) fn expires(&self) -> Option<DateTime<Utc>> {
        self.expires
    }

    /// The letters of `needed` it does not grant; none when a stored access policy decides.
    pub(crate) fn lacks(&self, needed: &str) -> String {
        if self.rights.is_empty() {
            return String::new();
        }
        needed
            .chars()
            .filter(|right| !self.rights.contains(*right))
            .collect()
    }
}

/// The three forms of a moment a token may have: to the second, to the minute, a day.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    if let Ok(minute) = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ") {
        return Some(minute.and_utc());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sas(text: &str) -> Sas {
        Sas::parse("settings.sas", &Secret::new(text)).expect("a good token")
    }

    #[test]
    fn a_signature_is_percent_encoded_once_however_it_was_pasted() {
        let once = "sv=2019-02-02&sp=r&sig=5tI7%2BQA%2F%3D";
        for pasted in [
            once,
            "?sv=2019-02-02&sp=r&sig=5tI7+QA/=",
            "sv=2019-02-02&sp=r&sig=5tI7%2BQA/=",
        ] {
            assert_eq!(sas(pasted).query(), once, "{pasted}");
        }
    }

    #[test]
    fn the_end_of_a_token_is_read_in_all_its_forms() {
        for (text, expected) in [
            ("se=2030-01-01T00%3A00%3A00Z&sig=a", Some("2030-01-01T00:00:00Z")),
            ("se=2030-01-01T08:30Z&sig=a", Some("2030-01-01T08:30:00Z")),
            ("se=2030-01-01&sig=a", Some("2030-01-01T00:00:00Z")),
            ("si=policy&sig=a", None),
            ("se=soon&sig=a", None),
        ] {
            let expected =
                expected.map(|text| DateTime::parse_from_rfc3339(text).expect("a moment").to_utc());
            assert_eq!(sas(text).expires(), expected, "{text}");
        }
    }

    #[test]
    fn missing_rights_are_named_unless_a_policy_decides() {
        assert_eq!(sas("sp=r&sig=a").lacks("rau"), "au");
        assert_eq!(sas("sp=raud&sig=a").lacks("rau"), "");
        assert_eq!(sas("si=policy&sig=a").lacks("rau"), "");
    }

    #[test]
    fn a_token_without_signature_is_refused_and_not_repeated() {
        for text in ["", "sv=1", "secretpart", "sig=&sv=secretpart"] {
            let error = Sas::parse("settings.sas", &Secret::new(text)).expect_err("no signature");
            assert!(!error.message.contains("secretpart"), "{error}");
        }
    }
}
