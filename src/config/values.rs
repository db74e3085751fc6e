//! Values with a meaning: durations, sizes, rates, addresses.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{NaiveTime, TimeDelta};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::intake::silence::SilenceRule;

/// How many calls are let through: `burst` at once, `per_second` in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In the long run.
    pub per_second: NonZeroU32,
    /// At once, after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    pub(super) const fn of(per_second: u32, burst: u32) -> Self {
        let per_second = NonZeroU32::MIN.saturating_add(per_second.saturating_sub(1));
        Self {
            per_second,
            burst: NonZeroU32::MIN.saturating_add(burst.saturating_sub(1)),
        }
    }
}

/// A rate, or `"off"`: how it is described, not how it is read.
#[derive(connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars", untagged)]
#[expect(dead_code, reason = "describes what is written")]
pub(super) enum RateOrOff {
    /// So much.
    Rate(Rate),
    /// No limit.
    Off(Off),
}

/// The word.
#[derive(connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars", rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what is written")]
pub(super) enum Off {
    /// No limit.
    Off,
}

/// Where the operator's own interface listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(try_from = "String")]
pub enum Admin {
    /// A socket in the file system: `unix:/run/leadsync/admin.sock`.
    Unix(PathBuf),
    /// A loopback address; anybody on this machine may then ask.
    Tcp(SocketAddr),
}

impl TryFrom<String> for Admin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Self::Tcp(address)),
            Ok(_) => Err("the admin interface listens on loopback only, like \"127.0.0.1:8081\"".to_owned()),
            Err(_) => Err("expected \"unix:/path/to.sock\" or \"127.0.0.1:8081\"".to_owned()),
        }
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

/// A duration written like `24h` or `1m 30s`, above zero.
#[derive(Clone, Copy)]
struct Wait(Duration);

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Wait;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration in quotes, like \"10s\", \"5m\" or \"24h\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Wait, E> {
                match humantime::parse_duration(text) {
                    Ok(wait) if wait.is_zero() => Err(E::custom("expected a duration above zero")),
                    Ok(wait) => Ok(Wait(wait)),
                    Err(_) => Err(E::custom("expected a duration like \"10s\", \"5m\" or \"24h\"")),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Wait::deserialize(deserializer).map(|wait| wait.0)
}

pub(super) fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let waits = Vec::<Wait>::deserialize(deserializer)?;
    Ok(waits.into_iter().map(|wait| wait.0).collect())
}

/// A time of day like `06:00`, as the time since midnight.
pub(super) fn time_of_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
    struct TimeOfDay;
    impl Visitor<'_> for TimeOfDay {
        type Value = TimeDelta;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a time of day in quotes, like \"06:00\" (UTC)")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<TimeDelta, E> {
            NaiveTime::parse_from_str(text, "%H:%M")
                .map(|time| time - NaiveTime::MIN)
                .map_err(|_| E::custom("expected a time of day like \"06:00\" (UTC)"))
        }
    }
    deserializer.deserialize_str(TimeOfDay)
}

/// Bytes, written like `64KiB`, `1.5MiB` or as a plain number.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Size;
    impl Visitor<'_> for Size {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size like \"64KiB\", or a number of bytes")
        }

        fn visit_i64<E: Error>(self, bytes: i64) -> Result<u64, E> {
            u64::try_from(bytes).map_err(|_| E::custom("expected a size of zero or more"))
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
            parse_size(text)
                .ok_or_else(|| E::custom("expected a size like \"64KiB\", \"256MiB\" or \"1GiB\""))
        }
    }
    deserializer.deserialize_any(Size)
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor: u64 = match text[end..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    text[..end].parse::<u64>().ok()?.checked_mul(factor)
}

/// An address others may be given: a scheme, a host, perhaps a path, and nothing else.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(text.trim()).ok().filter(|url| {
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && plain
            && url.query().is_none()
            && url.fragment().is_none()
    });
    url.map(Some)
        .ok_or_else(|| D::Error::custom("expected an address like \"https://leads.contoso.example\""))
}

/// A count of at least one.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    std::num::NonZeroUsize::deserialize(deserializer).map(std::num::NonZeroUsize::get)
}

/// A rate, or `"off"`.
pub(super) fn rate_or_off<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    struct RateOrOff;
    impl<'de> Visitor<'de> for RateOrOff {
        type Value = Option<Rate>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("{ per_second = .., burst = .. } or \"off\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Option<Rate>, E> {
            match text {
                "off" => Ok(None),
                _ => Err(E::custom("expected { per_second = .., burst = .. } or \"off\"")),
            }
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<Rate>, A::Error> {
            Rate::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }
    deserializer.deserialize_any(RateOrOff)
}

/// `history`, `off`, or a time after which a source counts as silent.
pub(super) fn silence_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SilenceRule, D::Error> {
    struct Rule;
    impl Visitor<'_> for Rule {
        type Value = SilenceRule;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"history\", \"off\", or a time like \"48h\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<SilenceRule, E> {
            match (text, humantime::parse_duration(text)) {
                ("history", _) => Ok(SilenceRule::History),
                ("off", _) => Ok(SilenceRule::Off),
                (_, Ok(longest)) if !longest.is_zero() => Ok(SilenceRule::After(longest)),
                _ => Err(E::custom("expected \"history\", \"off\", or a time like \"48h\"")),
            }
        }
    }
    deserializer.deserialize_str(Rule)
}

/// The same, where there is one.
pub(super) fn own_silence_rule<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SilenceRule>, D::Error> {
    silence_rule(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (text, bytes) in [
            ("64KiB", Some(65_536)),
            ("64 kib", Some(65_536)),
            ("256MiB", Some(268_435_456)),
            ("1GB", Some(1_000_000_000)),
            ("17", Some(17)),
            ("", None),
            ("KiB", None),
            ("-1KiB", None),
            ("99999999999GiB", None),
            ("5 apples", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}
