//! The seam below every request: reqwest in production, a simulator's router in a simulation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{ConfigError, ConnectorError, ErrorKind};
use crate::secret::Secret;

/// A request with its whole body.
pub type Request = http::Request<Bytes>;
/// An answer with its whole body, already under the body limit.
pub type Response = http::Response<Bytes>;

/// Sends one request, once. No redirects, no retries, no proxies from the environment.
#[async_trait]
pub trait Transport: Send + Sync {
    /// The answer, whatever its status, or why there is none.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

/// How a connector wants its requests sent.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// From the first byte to the last, 1 s to 300 s.
    pub total_timeout: Duration,
    /// To connect, TLS included.
    pub connect_timeout: Duration,
    /// Largest answer read, in bytes. Of a larger one the beginning is kept, marked
    /// [`super::Truncated`]: the status decides, and [`super::whole`] is for those who need it all.
    pub max_response_bytes: usize,
    /// Networks allowed although private ("10.20.0.0/16"); loopback only when named here, too.
    pub allow_private_targets: Vec<String>,
    /// Allows `http://`, only together with `allow_private_targets`.
    pub allow_plain_http: bool,
    /// Ports allowed; empty means 443 and 8443.
    pub allowed_ports: Vec<u16>,
    /// PEM file of a private CA, trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM of a client certificate chain and its key, for mTLS.
    pub client_identity: Option<(PathBuf, Secret)>,
    /// `https://proxy.example:3128`; never taken from the environment.
    pub proxy: Option<String>,
    /// Connections kept open while idle.
    pub idle_connections: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            total_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(5),
            max_response_bytes: 64 * 1024,
            allow_private_targets: Vec::new(),
            allow_plain_http: false,
            allowed_ports: Vec::new(),
            ca_file: None,
            client_identity: None,
            proxy: None,
            idle_connections: 8,
        }
    }
}

/// Makes transports. The daemon hands one to every connector it builds.
pub trait TransportFactory: Send + Sync {
    /// A transport that obeys `settings`.
    fn transport(&self, settings: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError>;
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The name could not be resolved.
    Dns,
    /// No connection: refused, no route, or the connect time-out.
    Connect,
    /// The certificate is expired, for another name, or from an unknown issuer.
    Certificate,
    /// The server wants a client certificate, or another one than ours.
    Identity,
    /// The target policy forbids the address.
    Forbidden,
    /// Sent, but no whole answer in time: it may have been applied.
    Timeout,
    /// Sent, but the connection broke: it may have been applied.
    Cut,
    /// The answer is larger than allowed: it was applied.
    TooLarge,
    /// The request could not be built.
    Invalid,
}

impl Fault {
    /// What a person should do when it lasts.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Dns => "correct the host's name in the config, or this machine's name resolution",
            Self::Connect => "let the firewall pass it, or correct host, port and proxy in the config",
            Self::Certificate => "renew the certificate there, or set ca_file to its issuer",
            Self::Identity => "renew the client certificate of the config",
            Self::Forbidden => {
                "correct the URL, or name its network in allow_private_targets and its port in allowed_ports"
            }
            Self::Timeout | Self::Cut => "try again; if it stays so, look at the proxy and the other side",
            Self::TooLarge => "correct the URL: such an answer is not theirs",
            Self::Invalid => "correct the URL or the headers in the config",
        }
    }
}

/// There is no answer. Never holds a URL's query or a body.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// What went wrong.
    pub fault: Fault,
    /// What went wrong, in words, with the host at most.
    pub message: String,
}

impl TransportError {
    /// `message` names the host at most.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
        }
    }

    /// The request may have been applied although no answer came.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self.fault, Fault::Timeout | Fault::Cut | Fault::TooLarge)
    }

    /// Tells who has to change; `doing` completes "could not ...".
    pub fn into_connector_error(self, doing: &str) -> ConnectorError {
        let kind = match self.fault {
            Fault::Dns | Fault::Connect | Fault::Timeout | Fault::Cut | Fault::Certificate => {
                ErrorKind::Unreachable
            }
            Fault::TooLarge => ErrorKind::Broken,
            Fault::Identity => ErrorKind::Unauthorized,
            Fault::Forbidden | Fault::Invalid => ErrorKind::Misconfigured,
        };
        // The message begins with the host, which `doing` mostly names already.
        let message = match self.message.split_once(": ") {
            Some((host, rest)) if doing.ends_with(host) => rest,
            _ => &self.message,
        };
        ConnectorError::new(kind, format!("{doing}: {message}")).hint(self.fault.remedy())
    }
}
