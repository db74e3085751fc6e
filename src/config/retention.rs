//! `[retention]`: how long what is done with is kept, by group of fields.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// How long each group of fields is kept once nothing is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Arrivals as they came, byte for byte, documents of referrals among them.
    #[schemars(with = "String")]
    pub raw: Keep,
    /// Bytes that cannot be understood, or were refused at the door.
    #[schemars(with = "String")]
    pub quarantine: Keep,
    /// What systems answered to attempts that failed.
    #[schemars(with = "String")]
    pub answers: Keep,
    /// What CRMs said before: reasons and values that no longer hold.
    #[schemars(with = "String")]
    pub outcomes: Keep,
    /// Who a lead is: names, addresses, phones, notes. The lead's id and fate stay.
    #[schemars(with = "String")]
    pub persons: Keep,
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until an operator says otherwise.
    Always,
    /// So long.
    For(Duration),
}

impl Keep {
    fn days(days: u64) -> Self {
        Self::For(Duration::from_hours(24 * days))
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            raw: Keep::days(90),
            quarantine: Keep::days(30),
            answers: Keep::days(90),
            outcomes: Keep::Always,
            persons: Keep::Always,
        }
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "always" {
            return Ok(Self::Always);
        }
        match humantime::parse_duration(&text) {
            Ok(time) if time >= Duration::from_hours(1) => Ok(Self::For(time)),
            Ok(_) => Err(serde::de::Error::custom("nothing is kept for less than \"1h\"")),
            Err(_) => Err(serde::de::Error::custom(
                "expected a time like \"90d\", or \"always\"",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Retention, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_group_is_kept_for_a_time_or_always() {
        let read_so = read("raw = \"always\"\npersons = \"730d\"").unwrap();
        assert_eq!((read_so.raw, read_so.persons), (Keep::Always, Keep::days(730)));
        assert_eq!(read_so.quarantine, Retention::default().quarantine);
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        assert!(read("raw = \"soon\"").unwrap_err().contains("90d"));
        assert!(read("raw = \"1m\"").unwrap_err().contains("1h"));
        assert!(read("raw = 90").is_err());
    }
}
