//! TLS at the door, with certificates that can be renewed while it is open.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The certificate or its key cannot be used. Never holds either.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Not PEM, or without a certificate.
    #[error("cannot read the certificate chain")]
    Certificate(#[source] rustls_pki_types::pem::Error),
    /// Without any certificate.
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    /// Not PEM, or without a private key.
    #[error("cannot read the private key")]
    Key(#[source] rustls_pki_types::pem::Error),
    /// The two do not belong together, or the algorithm is unknown.
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
}

/// Speaks TLS with whoever connects.
pub struct Tls(ArcSwap<Identity>);

/// Who we are to those who connect.
struct Identity {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Takes a chain, leaf first, and its key, both as PEM.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(ArcSwap::from_pointee(identity(chain, key)?)))
    }

    /// New connections get what `newer` was made from; those that are open go on as they are.
    pub fn become_like(&self, newer: &Self) {
        self.0.store(newer.0.load_full());
    }

    /// Whether both show the same certificates.
    pub fn is_like(&self, other: &Self) -> bool {
        self.0.load().chain == other.0.load().chain
    }

    /// When the certificate itself, first of the chain, ends.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        let identity = self.0.load();
        let (_, certificate) = X509Certificate::from_der(identity.chain.first()?).ok()?;
        DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
    }

    /// Shakes hands, within `patience`.
    pub(crate) async fn greet(
        &self,
        stream: TcpStream,
        patience: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0.load().config));
        timeout(patience, acceptor.accept(stream)).await?
    }
}

fn identity(chain: &[u8], key: &[u8]) -> Result<Identity, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key)
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    Ok(Identity { config, chain })
}
