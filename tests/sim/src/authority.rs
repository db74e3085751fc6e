//! A certificate authority of our own, for servers and clients that exist for one test.

use std::error::Error;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, date_time_ymd,
};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Whatever went wrong while making certificates.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Issues certificates; its own is what a client has to trust.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The chain.
    pub certificate: String,
    /// The key, PKCS#8.
    pub key: String,
}

impl Authority {
    /// A fresh one.
    pub fn new() -> Result<Self, Failure> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer })
    }

    /// The certificate a client trusts, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a client.
    pub fn client(&self, name: &str) -> Result<Issued, Failure> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ClientAuth);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// A certificate for a server that is not one of ours.
    pub fn issue_server(&self, name: &str) -> Result<Issued, Failure> {
        self.issue(&named(name)?)
    }

    /// The same, but it ended with the year 2021.
    pub fn issue_ended_server(&self, name: &str) -> Result<Issued, Failure> {
        let mut params = named(name)?;
        params.not_before = date_time_ymd(2021, 1, 1);
        params.not_after = date_time_ymd(2021, 12, 31);
        self.issue(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Result<Issued, Failure> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// A server that shows a certificate for `name`.
    pub fn server(&self, name: &str) -> Result<Arc<ServerConfig>, Failure> {
        self.serving(&named(name)?, None)
    }

    /// A server whose certificate for `name` ended with the year 2021.
    pub fn expired_server(&self, name: &str) -> Result<Arc<ServerConfig>, Failure> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.not_before = date_time_ymd(2021, 1, 1);
        params.not_after = date_time_ymd(2021, 12, 31);
        self.serving(&params, None)
    }

    /// A server that wants to see a client certificate issued by `clients`.
    pub fn server_for_clients_of(
        &self,
        clients: &Authority,
        name: &str,
    ) -> Result<Arc<ServerConfig>, Failure> {
        self.serving(&CertificateParams::new(vec![name.to_owned()])?, Some(clients))
    }

    fn serving(
        &self,
        params: &CertificateParams,
        clients: Option<&Authority>,
    ) -> Result<Arc<ServerConfig>, Failure> {
        let key = KeyPair::generate()?;
        let chain = vec![params.signed_by(&key, &self.issuer)?.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.issuer.der().clone())?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build()?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        Ok(Arc::new(builder.with_single_cert(chain, key)?))
    }
}

/// Parameters with a subject of its own: whoever builds chains by names must not take it for its own issuer.
fn named(name: &str) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
