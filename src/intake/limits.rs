//! What the operator decides about the door, as plain values.

use std::num::NonZeroU32;
use std::time::Duration;

use connector_kit::SourceName;
use connector_kit::ids::AccountName;
use connector_kit::secret::Secret;

use crate::intake::proxies::Proxies;

/// How many per second in the long run, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// What one request may cost.
#[derive(Clone, Debug)]
pub struct IntakeLimits {
    /// The longest body, in bytes.
    pub max_body: usize,
    /// How long the whole body may take, however it drips.
    pub body_timeout: Duration,
    /// When the sender gets 503 although the write may still succeed.
    pub answer_deadline: Duration,
    /// Requests of one address, whatever they ask for; none is unlimited.
    pub rate_per_address: Option<Rate>,
    /// Who may say on whose behalf it comes.
    pub trusted_proxies: Proxies,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self {
            max_body: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            answer_deadline: Duration::from_secs(10),
            rate_per_address: None,
            trusted_proxies: Proxies::default(),
        }
    }
}

/// One address leads may be posted to.
#[derive(Clone, Debug)]
pub struct IntakeSource {
    /// The publisher it belongs to.
    pub account: AccountName,
    /// The first part of its path below `/v1/leads`.
    pub name: SourceName,
    /// The second part; two are valid while one replaces the other.
    pub secrets: Vec<Secret>,
    /// How fast leads may come; none is unlimited.
    pub rate: Option<Rate>,
}

/// What connections may cost.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// For the head of a request, and for the silence between two.
    pub header_timeout: Duration,
    /// How long a connection may live; requests in hand are finished.
    pub connection_time: Duration,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections of one address.
    pub max_connections_per_address: usize,
    /// What a connection that is told to end may still take for the request in hand.
    pub drain: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            connection_time: Duration::from_mins(1),
            max_connections: 512,
            max_connections_per_address: 64,
            drain: Duration::from_secs(20),
        }
    }
}
