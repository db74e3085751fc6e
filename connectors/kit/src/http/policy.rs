//! Where requests may go (contract https-endpoint 7): a pasted URL is untrusted.

use std::net::IpAddr;

use url::{Host, Url};

use super::network::{Network, is_allowed};
use super::transport::TransportSettings;
use crate::error::ConfigError;

/// Longest URL accepted.
const MAX_URL_BYTES: usize = 2048;
/// Ports allowed when the operator names none.
const DEFAULT_PORTS: [u16; 2] = [443, 8443];

/// What the operator allows, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct TargetPolicy {
    named: Vec<Network>,
    ports: Vec<u16>,
    plain_http: bool,
}

/// Why a URL is refused. The text is for the operator and names no address that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The raw text.
    #[error("the URL is longer than 2048 bytes")]
    TooLong,
    /// The raw text.
    #[error("the URL contains a control character, a space or a backslash")]
    OddCharacter,
    /// The raw text, or the parser.
    #[error("this is not a URL of the form https://host/path")]
    NotAUrl,
    /// Plain text over the network.
    #[error("only https:// is allowed")]
    Scheme,
    /// Credentials belong into an auth kind.
    #[error("the URL contains a user name or password: use an auth kind instead")]
    UserInfo,
    /// `example.com.` slips past lists of names.
    #[error("the host ends with a dot")]
    TrailingDot,
    /// Not 443 or 8443, or what the operator listed.
    #[error("the port is not allowed: name it in allowed_ports")]
    Port,
    /// An address literal.
    #[error("address not allowed")]
    Address,
}

impl TargetPolicy {
    /// Reads the operator's wishes.
    pub fn new(settings: &TransportSettings) -> Result<Self, ConfigError> {
        let named = settings.allow_private_targets.iter().map(|text| {
            text.parse().map_err(|error| {
                ConfigError::new("settings.allow_private_targets", format!("{text:?}: {error}"))
            })
        });
        let policy = Self {
            named: named.collect::<Result<_, _>>()?,
            ports: settings.allowed_ports.clone(),
            plain_http: settings.allow_plain_http,
        };
        if policy.plain_http && policy.named.is_empty() {
            return Err(ConfigError::new(
                "settings.allow_plain_http",
                "plain http is only for receivers inside: name their network in allow_private_targets, too",
            ));
        }
        Ok(policy)
    }

    /// Checks a URL as somebody wrote it, and drops its fragment.
    pub fn check(&self, text: &str) -> Result<Url, Refusal> {
        check_text(text)?;
        let mut url = Url::parse(text).map_err(|_| Refusal::NotAUrl)?;
        self.check_url(&url)?;
        url.set_fragment(None);
        Ok(url)
    }

    /// Checks what the parser made of it: `0x7f.1` and `①②⑦.0.0.1` are `127.0.0.1` by now.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        let plain = url.scheme() == "http";
        if url.scheme() != "https" && !(plain && self.plain_http) {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::UserInfo);
        }
        let literal = match url.host().ok_or(Refusal::NotAUrl)? {
            Host::Domain(name) if name.ends_with('.') => return Err(Refusal::TrailingDot),
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        if literal.is_some_and(|address| !self.allows_address(address)) {
            return Err(Refusal::Address);
        }
        if !self.allows_port(url.port_or_known_default().unwrap_or_default(), plain) {
            return Err(Refusal::Port);
        }
        Ok(())
    }

    /// Whether anything may connect to this address.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        is_allowed(address, &self.named)
    }

    fn allows_port(&self, port: u16, plain: bool) -> bool {
        if self.ports.is_empty() {
            DEFAULT_PORTS.contains(&port) || (plain && port == 80)
        } else {
            self.ports.contains(&port)
        }
    }
}

fn check_text(text: &str) -> Result<(), Refusal> {
    if text.len() > MAX_URL_BYTES {
        return Err(Refusal::TooLong);
    }
    if text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err(Refusal::OddCharacter);
    }
    if !text.contains("://") {
        return Err(Refusal::NotAUrl);
    }
    Ok(())
}
