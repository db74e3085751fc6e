//! Which addresses are asked, and in which forms certificates come.

use super::*;
use connector_kit::ConnectorSettings;
use connector_kit::clock::ManualClock;
use connector_kit::http::{Response, TransportError};

struct Nobody;

#[async_trait::async_trait]
impl Transport for Nobody {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        panic!("nobody is asked")
    }
}

fn certificates_of(more: &str) -> Certificates {
    let mut settings: toml::Table = "tenant = 't'\nclient_id = 'c'\nvault_key = { env = 'K' }\nwebhook = {}"
        .parse()
        .unwrap();
    settings.extend(more.parse::<toml::Table>().unwrap());
    let own: Settings = ConnectorSettings {
        settings,
        ..ConnectorSettings::default()
    }
    .parse()
    .unwrap();
    let webhook = own.webhook.clone().unwrap();
    let trust = Trust {
        roots: Vec::new(),
        between: Vec::new(),
        subject: String::new(),
        issuer: String::new(),
    };
    let clock = ManualClock::new(DateTime::UNIX_EPOCH);
    Certificates::new(&own, &webhook, trust, Arc::new(Nobody), Arc::new(clock))
}

#[test]
fn only_listed_hosts_are_asked_and_only_by_https() {
    let certificates = certificates_of("");
    let good =
        "https://3psostorageacct.blob.core.windows.net/cert/pcnotifications-dispatch.microsoft.com.cer";
    assert!(certificates.allowed(good).is_ok());
    assert!(certificates.allowed(&good.replace("3pso", "3PSO")).is_ok());
    assert!(certificates.allowed(&good.replace(".net/", ".net:443/")).is_ok());
    for bad in [
        "https://evil.example/cert/pcnotifications-dispatch.microsoft.com.cer",
        "https://3psostorageacct.blob.core.windows.net.evil.example/c.cer",
        "https://x.3psostorageacct.blob.core.windows.net/c.cer",
        "https://3psostorageacct.blob.core.windows.net@evil.example/c.cer",
        "https://3psostorageacct.blob.core.windows.net./c.cer",
        "https://3psostorageacct.blob.core.windows.net:8443/c.cer",
        "https://me@3psostorageacct.blob.core.windows.net/c.cer",
        "http://3psostorageacct.blob.core.windows.net/c.cer",
        "ftp://3psostorageacct.blob.core.windows.net/c.cer",
        "file:///etc/passwd",
        "https://127.0.0.1/c.cer",
        "https://[::1]/c.cer",
    ] {
        assert!(
            matches!(certificates.allowed(bad), Err(Refused::Forged(_))),
            "{bad}"
        );
    }
    assert!(matches!(
        certificates.allowed("c.cer"),
        Err(Refused::Malformed(_))
    ));
}

#[test]
fn a_host_may_be_listed_with_its_port() {
    let certificates = certificates_of("webhook = { certificate_hosts = ['Certs.example:8443'] }");
    assert!(certificates.allowed("https://certs.example:8443/c.cer").is_ok());
    assert!(certificates.allowed("https://certs.example/c.cer").is_err());
}

#[test]
fn certificates_come_as_der_as_pem_and_as_bare_base64() {
    let der = vec![0x30, 3, 2, 1, 5];
    let pem = "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n";
    let all = |body: &[u8]| certificates(body);
    assert_eq!(all(&der), Some(vec![der.clone()]));
    assert_eq!(all(pem.as_bytes()), Some(vec![der.clone()]));
    assert_eq!(
        all(format!("\u{feff}{pem}text\r\n{pem}").as_bytes()),
        Some(vec![der.clone(), der.clone()])
    );
    assert_eq!(all(b" MAMC\r\nAQU=\n"), Some(vec![der]));
    for bad in [
        &b""[..],
        b"<html>",
        b"AAAA",
        &[0xff, 0xfe],
        b"-----BEGIN CERTIFICATE-----\nx",
    ] {
        assert_eq!(all(bad), None, "{bad:?}");
    }
}
