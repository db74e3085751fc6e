//! The looks at the way itself: is the name known, is the door open, is it they, is it now?

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{AGE, DATE, HeaderMap};
use url::{Host, Url};

use super::Check;
use crate::clock::Clock;
use crate::http::{Fault, Response, Transport, TransportError};

/// Examines the way to a URL by one request without credentials: any answer will do.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    transport: &'a dyn Transport,
    clock: &'a dyn Clock,
    signs: bool,
}

/// A clock that is wrong by more than this gives wrong times to everything it touches.
const FAR_OFF: TimeDelta = TimeDelta::minutes(5);
/// From here on an assertion of few minutes may be refused.
const OFF: TimeDelta = TimeDelta::minutes(2);

impl<'a> Way<'a> {
    /// The way a connector's requests take.
    pub fn new(transport: &'a dyn Transport, clock: &'a dyn Clock) -> Self {
        Self {
            transport,
            clock,
            signs: false,
        }
    }

    /// We sign assertions that end soon: a wrong clock keeps us out.
    #[must_use]
    pub fn for_assertions(self) -> Self {
        Self { signs: true, ..self }
    }

    /// Looks: `dns`, `connection`, `tls`, `clock`, in this order.
    pub async fn look(&self, url: &Url) -> Vec<Check> {
        let asked_at = self.clock.now();
        let answer = match http::Request::get(url.as_str()).body(Bytes::new()) {
            Ok(request) => self.transport.send(request).await,
            Err(_) => Err(TransportError::new(Fault::Invalid, "this is not a URL")),
        };
        let mut checks = reach(url, &answer);
        checks.push(match &answer {
            Ok(response) => self.clock_by(response.headers(), asked_at, self.clock.now()),
            Err(_) => Check::unknown("clock", "nobody answered to compare it with"),
        });
        checks
    }

    /// Compares our clock with theirs, which read `Date` at some moment between asking and hearing.
    fn clock_by(&self, headers: &HeaderMap, asked: DateTime<Utc>, heard: DateTime<Utc>) -> Check {
        let Some(theirs) = told_time(headers) else {
            return Check::unknown("clock", "the answer does not say what time it is there");
        };
        // `Date` has whole seconds only.
        let behind = theirs - heard;
        let ahead = asked - theirs - TimeDelta::seconds(1);
        let (off, word) = if behind > ahead {
            (behind, "behind")
        } else {
            (ahead, "ahead of")
        };
        let found = format!("this machine's clock is {} {word} theirs", span(off));
        let remedy = "set this machine's clock right (timedatectl set-ntp true)";
        if off > FAR_OFF && self.signs {
            Check::ill("clock", found, remedy)
        } else if off > FAR_OFF || (off > OFF && self.signs) {
            Check::ailing("clock", found, remedy)
        } else {
            Check::well("clock", "this machine's clock agrees with theirs")
        }
    }
}

/// What a cache gave us was true `Age` seconds ago.
fn told_time(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    let age = headers
        .get(AGE)
        .and_then(|age| age.to_str().ok()?.parse::<u32>().ok());
    Some(DateTime::<Utc>::from(date) + TimeDelta::seconds(age.unwrap_or_default().into()))
}

fn span(off: TimeDelta) -> String {
    if off < TimeDelta::hours(2) {
        format!("{} minutes", off.num_minutes())
    } else if off < TimeDelta::days(2) {
        format!("{} hours", off.num_hours())
    } else {
        format!("{} days", off.num_days())
    }
}

/// How far the request came. Pure.
fn reach(url: &Url, answer: &Result<Response, TransportError>) -> Vec<Check> {
    let stages = [name(url), door(url), proof(url)];
    let Err(error) = answer else {
        return stages.into();
    };
    let (broken, ill) = illness(error);
    let before = stages.into_iter().take(broken);
    let after = ["dns", "connection", "tls"].into_iter().skip(broken + 1);
    before
        .chain([ill])
        .chain(after.map(|name| Check::unknown(name, "not reached")))
        .collect()
}

fn name(url: &Url) -> Check {
    match url.host() {
        Some(Host::Domain(name)) => Check::well("dns", format!("{name} is known")),
        _ => Check::unknown(
            "dns",
            format!("{} is an address", url.host_str().unwrap_or_default()),
        ),
    }
}

fn door(url: &Url) -> Check {
    let port = url.port_or_known_default().unwrap_or_default();
    Check::well(
        "connection",
        format!("{} answers on port {port}", url.host_str().unwrap_or_default()),
    )
}

fn proof(url: &Url) -> Check {
    if url.scheme() == "https" {
        Check::well("tls", "the certificate is valid")
    } else {
        Check::unknown("tls", "not used: the URL begins with http://")
    }
}

/// Which of the three it is, by its place. The message of the error names the host.
fn illness(error: &TransportError) -> (usize, Check) {
    let (place, name) = match error.fault {
        Fault::Dns => (0, "dns"),
        Fault::Connect
        | Fault::Forbidden
        | Fault::Timeout
        | Fault::Cut
        | Fault::TooLarge
        | Fault::Invalid => (1, "connection"),
        Fault::Certificate | Fault::Identity => (2, "tls"),
    };
    (
        place,
        Check::ill(name, error.message.clone(), error.fault.remedy()),
    )
}

#[cfg(test)]
mod tests;
