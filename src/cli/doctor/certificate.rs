//! The certificate of the public listener, looked at as senders will look at it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use connector_kit::Check;
use connector_kit::secret::SecretReader;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use url::Url;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::config;
use crate::intake::Tls;

const NAME: &str = "certificate";

/// From here on somebody should see to a new one.
const SOON_DAYS: i64 = 14;

/// Looks at the chain and its key; `roots` are what this machine trusts.
pub(super) fn look(
    tls: &config::Tls,
    public_url: Option<&Url>,
    secrets: &SecretReader,
    roots: &[CertificateDer<'static>],
    now: DateTime<Utc>,
) -> Check {
    let shown = tls.certificate.display();
    let pem = match std::fs::read(&tls.certificate) {
        Ok(pem) => pem,
        Err(error) => {
            let remedy = "put the certificate there (PEM, leaf first), or correct listen.tls.certificate";
            return Check::ill(NAME, format!("{shown} cannot be read: {error}"), remedy);
        }
    };
    let Ok(key) = secrets.read(&tls.key) else {
        return Check::unknown(NAME, "its key is not there, as told above");
    };
    if let Err(error) = Tls::new(&pem, key.expose().as_bytes()) {
        let remedy =
            "give the chain with its own certificate first, and the key that was made for it (listen.tls)";
        return Check::ill(NAME, format!("{shown}: {error}"), remedy);
    }
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
    match chain.as_slice() {
        [leaf, between @ ..] => judge(leaf, between, public_url, roots, now),
        [] => Check::ill(
            NAME,
            format!("{shown} holds no certificate"),
            "put the chain there, leaf first",
        ),
    }
}

fn judge(
    leaf: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    public_url: Option<&Url>,
    roots: &[CertificateDer<'static>],
    now: DateTime<Utc>,
) -> Check {
    let Ok((_, read)) = X509Certificate::from_der(leaf) else {
        return Check::ill(
            NAME,
            "the first certificate cannot be read",
            "put the chain there, leaf first",
        );
    };
    let ends = read.validity().not_after.timestamp();
    let names = names(&read);
    let host = public_url.and_then(Url::host_str).map(str::to_owned);
    let host = host.or_else(|| names.first().map(|name| name.replacen('*', "www", 1)));
    if let Some(error) = host.and_then(|host| refusal(leaf, between, &host, roots, now)) {
        return ill(&error, &names.join(", "), public_url);
    }
    let day = DateTime::from_timestamp(ends, 0)
        .unwrap_or(now)
        .format("%Y-%m-%d");
    let found = format!("for {}, trusted until {day}", names.join(", "));
    let days = (ends - now.timestamp()) / (24 * 60 * 60);
    if days < SOON_DAYS {
        let remedy = "renew it now, then: leadsync ctl reload";
        return Check::ailing(NAME, format!("{found}: {days} days are left"), remedy);
    }
    Check::well(NAME, found)
}

/// Why a sender would not believe it.
fn refusal(
    leaf: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    host: &str,
    roots: &[CertificateDer<'static>],
    now: DateTime<Utc>,
) -> Option<CertificateError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // Without any root nothing can be said; the look at the roots tells of it.
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .ok()?;
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    match verifier.verify_server_cert(leaf, between, &name, &[], now) {
        Err(rustls::Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}

fn ill(error: &CertificateError, names: &str, public_url: Option<&Url>) -> Check {
    use CertificateError as E;
    let (found, remedy) = match error {
        E::Expired | E::ExpiredContext { .. } => {
            ("it has ended".to_owned(), "renew it, then: leadsync ctl reload")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => (
            "its time has not begun".to_owned(),
            "set this machine's clock right, or take the certificate that is valid now",
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => (
            format!(
                "it is for {names}, not for {} of public_url",
                public_url.and_then(Url::host_str).unwrap_or("the host")
            ),
            "take a certificate for that name, or correct [listen] public_url",
        ),
        E::UnknownIssuer => (
            "it does not lead to an authority this machine trusts; Microsoft would refuse it, too".to_owned(),
            "put the certificates between it and its authority behind it in the file; a private authority will not do",
        ),
        other => (
            format!("senders would refuse it: {other:?}"),
            "take another certificate",
        ),
    };
    Check::ill(NAME, found, remedy)
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = alternative
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress([a, b, c, d]) => Some(format!("{a}.{b}.{c}.{d}")),
            _ => None,
        });
    names.collect()
}
