//! What operators put where a private key or a certificate should be.

use super::*;

pub(super) fn pem(name: &str) -> Secret {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/keys");
    Secret::new(std::fs::read_to_string(format!("{folder}/{name}")).unwrap())
}

pub(super) fn joined(names: &[&str]) -> Secret {
    let parts: Vec<_> = names.iter().map(|name| pem(name).expose().to_owned()).collect();
    Secret::new(parts.concat())
}

pub(super) fn key(name: &str) -> RsaKey {
    RsaKey::from_pem(&pem(name), "settings.auth.private_key").unwrap()
}

pub(super) fn certificate() -> ClientCertificate {
    ClientCertificate::from_pem(
        key("rsa-pkcs8.pem"),
        &pem("rsa-certificate.pem"),
        "settings.auth.certificate",
    )
    .unwrap()
}

#[test]
fn a_wrong_key_is_refused_by_the_name_of_its_setting_and_told_what_it_is() {
    let broken = pem("rsa-pkcs8.pem").expose().replace('\n', "\\n");
    let cut = pem("rsa-pkcs8.pem").expose().replace("MII", "AAA");
    for (text, told) in [
        (pem("ec-pkcs8.pem"), "an RSA key is needed"),
        (pem("rsa-1024.pem"), "shorter than 2048 bits"),
        (pem("rsa-encrypted.pem"), "this key is encrypted"),
        (pem("rsa-public.pem"), "this is the public key"),
        (
            pem("rsa-certificate.pem"),
            "a certificate without its private key",
        ),
        (Secret::new(broken), "lost its line ends"),
        (Secret::new(cut), "an RSA key is needed"),
        (Secret::new("3MVG9canary"), "not a private key in PEM"),
    ] {
        let refused = RsaKey::from_pem(&text, "settings.auth.private_key").unwrap_err();
        assert_eq!(refused.key, "settings.auth.private_key");
        assert!(refused.message.contains(told), "{told}: {refused}");
        assert!(!refused.message.contains("canary"), "{refused}");
    }
}

#[test]
fn a_key_and_its_certificate_may_stand_in_one_text_in_any_order() {
    for names in [
        ["rsa-certificate.pem", "rsa-pkcs8.pem"],
        ["rsa-pkcs1.pem", "rsa-certificate.pem"],
    ] {
        let both = joined(&names);
        let key = RsaKey::from_pem(&both, "settings.auth.private_key").unwrap();
        ClientCertificate::from_pem(key, &both, "settings.auth.certificate").unwrap();
    }
}

#[test]
fn a_certificate_that_is_none_or_of_another_key_is_refused_by_the_name_of_its_setting() {
    for (text, told) in [
        (pem("other-certificate.pem"), "does not belong to the private key"),
        (
            joined(&["other-certificate.pem", "rsa-certificate.pem"]),
            "the first certificate",
        ),
        (pem("rsa-pkcs8.pem"), "no certificate in PEM"),
        (
            Secret::new("-----BEGIN CERTIFICATE-----\\nMII"),
            "damaged or has lost its line ends",
        ),
    ] {
        let refused = ClientCertificate::from_pem(key("rsa-pkcs8.pem"), &text, "settings.auth.certificate")
            .unwrap_err();
        assert_eq!(refused.key, "settings.auth.certificate");
        assert!(refused.message.contains(told), "{told}: {refused}");
    }
}

#[test]
fn no_key_shows_in_the_debug_form_of_what_holds_it() {
    let shown = format!("{:?} {:?}", key("rsa-pkcs8.pem"), certificate());
    let body = pem("rsa-pkcs8.pem");
    for line in body.expose().lines().filter(|line| !line.starts_with('-')) {
        assert!(!shown.contains(line), "{shown}");
    }
    assert!(shown.starts_with("*** "), "{shown}");
}
