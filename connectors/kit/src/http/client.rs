//! The transport used in production: reqwest, with everything it does by itself switched off.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy, Url};
use zeroize::Zeroizing;

use super::body;
use super::dns::{Guard, Resolve, SystemResolver};
use super::fault::classify;
use super::policy::{Refusal, TargetPolicy};
use super::transport::{
    Fault, Request, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use crate::error::ConfigError;

/// No call takes longer: a time-out above it is refused.
pub const LONGEST_CALL: Duration = Duration::from_mins(5);

/// Makes transports over TCP and TLS.
pub struct ReqwestFactory {
    resolver: Arc<dyn Resolve>,
    user_agent: String,
}

impl ReqwestFactory {
    /// Names are resolved by the machine; `user_agent` is `leadsync/<version>`.
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self::with_resolver(user_agent, Arc::new(SystemResolver))
    }

    /// Names are resolved by `resolver`.
    pub fn with_resolver(user_agent: impl Into<String>, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            resolver,
            user_agent: user_agent.into(),
        }
    }
}

impl TransportFactory for ReqwestFactory {
    fn transport(&self, settings: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        let policy = Arc::new(TargetPolicy::new(settings)?);
        let proxy = settings.proxy.as_deref().map(proxy_url).transpose()?;
        let guard = Guard {
            resolver: Arc::clone(&self.resolver),
            policy: Arc::clone(&policy),
            proxy_host: proxy.as_ref().and_then(|url| url.host_str()).map(str::to_owned),
        };
        let builder = alone(settings)?
            .user_agent(self.user_agent.as_str())
            .dns_resolver(Arc::new(guard));
        let builder = with_tls(builder, settings)?;
        let has_proxy = proxy.is_some();
        let client = match proxy {
            Some(url) => builder.proxy(Proxy::all(url).map_err(|_| bad_proxy())?),
            None => builder,
        };
        let client = client.build().map_err(cannot_build)?;
        if has_proxy {
            tracing::info!(
                event = "proxy_resolves",
                "names are resolved by the configured proxy; its own policy guards private targets"
            );
        }
        Ok(Arc::new(ReqwestTransport {
            client,
            policy,
            has_proxy,
            max_response_bytes: settings.max_response_bytes,
        }))
    }
}

/// A client that follows nothing, repeats nothing and asks no environment.
fn alone(settings: &TransportSettings) -> Result<ClientBuilder, ConfigError> {
    let total = settings.total_timeout;
    if total.is_zero() || total > LONGEST_CALL {
        return Err(ConfigError::new(
            "settings.timeout",
            "the time-out is above zero and at most 300 s",
        ));
    }
    Ok(Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .https_only(!settings.allow_plain_http)
        .connect_timeout(settings.connect_timeout.min(total))
        .timeout(total)
        .http2_max_header_list_size(32 * 1024)
        .pool_max_idle_per_host(settings.idle_connections)
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_keepalive_interval(Duration::from_secs(15))
        .tcp_keepalive_retries(3)
        .tcp_user_timeout(total))
}

fn with_tls(mut builder: ClientBuilder, settings: &TransportSettings) -> Result<ClientBuilder, ConfigError> {
    builder = builder.min_tls_version(reqwest::tls::Version::TLS_1_2);
    if let Some(path) = &settings.ca_file {
        let wrong =
            |what: String| ConfigError::new("settings.ca_file", format!("{}: {what}", path.display()));
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let roots = Certificate::from_pem_bundle(&pem)
            .map_err(|_| wrong("cannot be read as PEM certificates".into()))?;
        if roots.is_empty() {
            return Err(wrong("contains no PEM certificate".into()));
        }
        builder = builder.tls_certs_merge(roots);
    }
    if let Some((path, key)) = &settings.client_identity {
        let wrong = |what: String| {
            ConfigError::new(
                "settings.client_certificate",
                format!("{}: {what}", path.display()),
            )
        };
        let chain = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let mut pem = Zeroizing::new(chain);
        pem.push(b'\n');
        pem.extend_from_slice(key.expose().as_bytes());
        let identity = Identity::from_pem(&pem)
            .map_err(|_| wrong("certificate chain and key cannot be read together as PEM".into()))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn proxy_url(text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| bad_proxy())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(bad_proxy())
    }
}

fn bad_proxy() -> ConfigError {
    ConfigError::new(
        "settings.proxy",
        "write a proxy as http://host:port or https://host:port",
    )
}

/// The client is built from parts that were checked, so what is left is TLS.
fn cannot_build(error: reqwest::Error) -> ConfigError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    let hint = if cause.contains("No CA certificates") {
        "; install the package ca-certificates, or set ca_file"
    } else {
        ""
    };
    ConfigError::new("settings", format!("TLS cannot be set up: {cause}{hint}"))
}

struct ReqwestTransport {
    client: Client,
    policy: Arc<TargetPolicy>,
    has_proxy: bool,
    max_response_bytes: usize,
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let host = request.uri().host().unwrap_or("no host").to_owned();
        let request = reqwest::Request::try_from(request)
            .map_err(|_| TransportError::new(Fault::Invalid, format!("{host}: the request is not valid")))?;
        self.policy
            .check_url(request.url())
            .map_err(|refusal| refused(refusal, &host))?;
        let mut response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(classify(error, &host)),
        };
        self.alarm_when_peer_is_forbidden(&response, &host);
        let mut answer = http::Response::new(bytes::Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let (body, truncated) = body::read(response, self.max_response_bytes).await;
        *answer.body_mut() = body;
        if let Some(truncated) = truncated {
            answer.extensions_mut().insert(truncated);
        }
        Ok(answer)
    }
}

impl ReqwestTransport {
    /// Too late to prevent anything; but should the guard ever have a hole, somebody hears of it.
    fn alarm_when_peer_is_forbidden(&self, response: &reqwest::Response, host: &str) {
        let peer = response.remote_addr().map(|address| address.ip());
        if !self.has_proxy && peer.is_some_and(|address| !self.policy.allows_address(address)) {
            tracing::error!(
                event = "target_forbidden",
                host,
                "a request reached an address the target policy forbids"
            );
        }
    }
}

fn refused(refusal: Refusal, host: &str) -> TransportError {
    TransportError::new(Fault::Forbidden, format!("{host}: {refusal}"))
}
