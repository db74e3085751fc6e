//! Names become addresses, and every address is looked at before anyone connects to it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;

use super::policy::TargetPolicy;

/// Asks for the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of `host`; an empty answer counts as a failure.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The target policy does not allow this address. Says nothing about which one it was.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("address not allowed")]
pub struct AddressForbidden;

/// A lookup failed, or answered with nothing or with something forbidden.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The policy says no.
    #[error(transparent)]
    Forbidden(#[from] AddressForbidden),
    /// There is no address.
    #[error("name not resolved")]
    Failed(#[source] io::Error),
}

/// Looks a name up and refuses the whole answer when any address in it is forbidden: an answer that
/// mixes public and private addresses is an attempt at something.
pub async fn lookup(
    resolver: &dyn Resolve,
    policy: &TargetPolicy,
    host: &str,
) -> Result<Vec<IpAddr>, LookupError> {
    let found = resolver.resolve(host).await.map_err(LookupError::Failed)?;
    if found.is_empty() {
        return Err(LookupError::Failed(io::Error::other("no address")));
    }
    if found.iter().all(|address| policy.allows_address(*address)) {
        Ok(found)
    } else {
        Err(AddressForbidden.into())
    }
}

/// Stands between the HTTP client and the resolver, for every connection it makes.
pub(super) struct Guard {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) policy: Arc<TargetPolicy>,
    /// The operator's own proxy, which is usually inside and resolves targets itself.
    pub(super) proxy_host: Option<String>,
}

impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let resolver = Arc::clone(&self.resolver);
        let policy = Arc::clone(&self.policy);
        let is_proxy = self.proxy_host.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let found = if is_proxy {
                resolver.resolve(name.as_str()).await?
            } else {
                lookup(resolver.as_ref(), &policy, name.as_str()).await?
            };
            let addresses: reqwest::dns::Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
