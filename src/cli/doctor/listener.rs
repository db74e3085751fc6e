//! The way leads take to this machine: the public address, the proxy before it, and the URL Microsoft knows.

use std::io::ErrorKind;

use bytes::Bytes;
use connector_kit::Check;
use connector_kit::http::TransportFactory;
use http::header::CONTENT_TYPE;
use rustix::process::geteuid;
use url::Url;

use super::daemon::Answer;
use crate::cli::house;
use crate::config::{Config, Listen};

/// Whether the daemon can listen, or does.
pub(super) fn public(listen: &Listen, daemon: &Answer, has_socket: bool) -> Check {
    const NAME: &str = "listener";
    let address = listen.public;
    match daemon {
        Answer::Said(_) | Answer::Silent if has_socket => {
            return Check::well(NAME, "the daemon runs, and listens where leadsync.socket says");
        }
        Answer::Said(_) | Answer::Silent => {
            return Check::well(NAME, format!("the daemon listens on {address}"));
        }
        Answer::Forbidden => {
            return Check::unknown(NAME, "not looked at: this user may not ask the daemon; root may");
        }
        Answer::Nobody => {}
    }
    match std::net::TcpListener::bind(address).map_err(|error| error.kind()) {
        Ok(_) => Check::well(NAME, format!("{address} is free")),
        Err(ErrorKind::AddrInUse) if has_socket => Check::unknown(
            NAME,
            format!("{address} is in use, as it is when leadsync.socket holds it for the service"),
        ),
        Err(ErrorKind::AddrInUse) => Check::ill(
            NAME,
            format!("another program listens on {address}"),
            format!(
                "find it (ss -ltnp 'sport = :{}') and stop it, or correct [listen] public",
                address.port()
            ),
        ),
        Err(ErrorKind::AddrNotAvailable) => Check::ill(
            NAME,
            format!("{} is no address of this machine", address.ip()),
            "correct [listen] public (ip address shows what there is)",
        ),
        Err(ErrorKind::PermissionDenied) if geteuid().is_root() => Check::ill(
            NAME,
            format!("nobody may listen on {address}"),
            "correct [listen] public",
        ),
        Err(ErrorKind::PermissionDenied) => Check::unknown(
            NAME,
            format!(
                "this user may not listen on {address}; the socket unit, or a port from 1024 on, lets the service do it"
            ),
        ),
        Err(other) => Check::ill(
            NAME,
            format!("cannot listen on {address}: {other}"),
            "correct [listen] public",
        ),
    }
}

/// Whether one limit would hit all senders together.
pub(super) fn proxy(config: &Config) -> Check {
    const NAME: &str = "proxy";
    let trusted = &config.intake.trusted_proxies;
    if config.listen.tls.is_some() {
        return Check::well(NAME, "none is needed: TLS ends here");
    }
    if trusted
        .iter()
        .any(|network| network.contains([203, 0, 113, 1].into()))
    {
        return Check::ailing(
            NAME,
            "everybody's X-Forwarded-For is believed, so that anybody may pretend to be anybody",
            "name only your proxy's own network in [intake] trusted_proxies",
        );
    }
    if trusted.is_empty() && config.intake.rate_per_address.is_some() {
        return Check::ailing(
            NAME,
            "leads come through a proxy that is not trusted: rate_per_address counts all senders as one",
            "name the proxy in [intake] trusted_proxies, like [\"127.0.0.1\"], or set rate_per_address = \"off\"",
        );
    }
    Check::well(NAME, "senders are told apart")
}

/// Whether the address Microsoft knows leads to this daemon.
pub(super) async fn address(url: Option<&Url>, daemon: &Answer, transports: &dyn TransportFactory) -> Check {
    const NAME: &str = "public-url";
    let Some(url) = url else {
        return Check::unknown(NAME, "not configured: [listen] public_url");
    };
    if !daemon.is_there() {
        return Check::unknown(NAME, "not looked at: the daemon does not run");
    }
    let door = format!("{}/v1/leads", url.as_str().trim_end_matches('/'));
    let host = url.host_str().unwrap_or_default();
    let Ok(request) = http::Request::get(&door).body(Bytes::new()) else {
        return Check::unknown(NAME, "this is not a URL");
    };
    let transport = match transports.transport(&house::to_ourselves(url)) {
        Ok(transport) => transport,
        Err(error) => return Check::unknown(NAME, error.to_string()),
    };
    match transport.send(request).await {
        Err(error) => Check::ill(
            NAME,
            format!("{error}"),
            format!("let {host} lead to this machine: name, firewall, certificate, proxy"),
        ),
        Ok(answer) if is_ours(&answer) => Check::well(NAME, format!("{host} leads here")),
        Ok(answer) => Check::ill(
            NAME,
            format!(
                "{host} answers {}, but it is not leadsync",
                answer.status().as_u16()
            ),
            "let the proxy pass /v1/ on, path and all, or correct [listen] public_url",
        ),
    }
}

/// Our refusals are problems of a known form.
fn is_ours(answer: &http::Response<Bytes>) -> bool {
    let is_problem = answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
    is_problem && matches!(answer.status().as_u16(), 404 | 405)
}

#[cfg(test)]
mod tests {
    use connector_kit::Health;

    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_proxy_nobody_trusts_makes_all_senders_one() {
        for (text, health) in [
            ("", Health::Ailing),
            ("[intake]\nrate_per_address = 'off'", Health::Well),
            ("[intake]\ntrusted_proxies = ['127.0.0.1']", Health::Well),
            ("[intake]\ntrusted_proxies = ['0.0.0.0/0']", Health::Ailing),
            (
                "[listen.tls]\ncertificate = '/c'\nkey = { file = '/k' }",
                Health::Well,
            ),
        ] {
            assert_eq!(proxy(&config(text)).health, health, "{text}");
        }
    }

    #[test]
    fn an_address_is_free_taken_or_not_of_this_machine() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = |address: &str| {
            let config = config(&format!("[listen]\npublic = '{address}'"));
            public(&config.listen, &Answer::Nobody, false)
        };
        let taken_address = taken.local_addr().unwrap().to_string();
        assert_eq!(at(&taken_address).health, Health::Ill);
        assert_eq!(at("192.0.2.1:8080").health, Health::Ill);
        assert_eq!(at("127.0.0.1:0").health, Health::Well);
        // A daemon that may not be asked is no other program.
        let own = config(&format!("[listen]\npublic = '{taken_address}'"));
        let asked = public(&own.listen, &Answer::Forbidden, false);
        assert_eq!(asked.health, Health::Unknown);
    }
}
