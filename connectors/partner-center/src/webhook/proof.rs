//! The headers that prove who tells (contract partner-center 8.3, 8.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_kit::event::Refused;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

/// Where the signature comes when it was asked for.
pub(super) const OWN_SIGNATURE: HeaderName = HeaderName::from_static("x-ms-signature");
const CERTIFICATE: HeaderName = HeaderName::from_static("x-ms-certificate-url");
const ALGORITHM: HeaderName = HeaderName::from_static("x-ms-signature-algorithm");
/// Before the signature, in any case of letters.
const SCHEME: &str = "Signature";
/// The only one: the other that was ever documented is broken.
const ONLY: &str = "rsa-sha256";

/// What an event shows for itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// Where the certificate is said to be.
    pub certificate_url: String,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Proof {
    /// Reads it; asks nobody.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refused> {
        let certificate_url = one(headers, &CERTIFICATE)?.ok_or(Refused::Malformed(
            "the event does not say where its certificate is",
        ))?;
        let algorithm =
            one(headers, &ALGORITHM)?.ok_or(Refused::Malformed("the event does not say how it is signed"))?;
        // A proxy may have put something of its own into the other one.
        let signature = match one(headers, &OWN_SIGNATURE)? {
            Some(signature) => Some(signature),
            None => one(headers, &AUTHORIZATION)?,
        };
        let signature = signature.ok_or(Refused::Forged("the event is not signed"))?;
        if !algorithm.eq_ignore_ascii_case(ONLY) {
            return Err(Refused::Forged(
                "the event is signed in a way that is not accepted",
            ));
        }
        let (scheme, signature) = signature.split_once(' ').unwrap_or((signature, ""));
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(Refused::Forged("the event is not signed"));
        }
        let signature = STANDARD
            .decode(signature.trim())
            .map_err(|_| Refused::Forged("the signature cannot be read"))?;
        Ok(Self {
            certificate_url: certificate_url.to_owned(),
            signature,
        })
    }
}

/// Whether this header belongs to the proof, or says how to read the body.
pub(super) fn carries(header: &HeaderName) -> bool {
    [CONTENT_TYPE, AUTHORIZATION, OWN_SIGNATURE, CERTIFICATE, ALGORITHM].contains(header)
}

/// The only value of a header, trimmed.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    match (first.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value.trim()).filter(|value| !value.is_empty())),
        _ => Err(Refused::Malformed("a header of the event's proof cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    fn read(more: &[(&'static str, &str)]) -> Result<Proof, String> {
        let mut all = vec![
            ("x-ms-certificate-url", "https://h/c.cer"),
            ("x-ms-signature-algorithm", "RSA-SHA256"),
        ];
        all.retain(|(name, _)| !more.iter().any(|(other, _)| name == other));
        all.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        Proof::read(&headers(&all)).map_err(|refused| format!("{refused:?}"))
    }

    #[test]
    fn both_forms_of_the_signature_are_read_and_our_own_wins() {
        let table = [
            (&[("authorization", "Signature AQ==")][..], 1),
            (&[("authorization", "signature  AQ== ")], 1),
            (&[("x-ms-signature", "SIGNATURE Ag==")], 2),
            (
                &[("x-ms-signature", "Signature Ag=="), ("authorization", "Basic x")],
                2,
            ),
            (
                &[
                    ("x-ms-signature", "Signature Ag=="),
                    ("authorization", "Signature AQ=="),
                ],
                2,
            ),
        ];
        for (more, byte) in table {
            assert_eq!(read(more).unwrap().signature, [byte], "{more:?}");
        }
    }

    #[test]
    fn what_is_missing_is_malformed_and_what_is_not_proven_is_forged() {
        let signed = ("authorization", "Signature AQ==");
        for (more, refused) in [
            (&[signed, ("x-ms-certificate-url", "")][..], "Malformed"),
            (&[signed, ("x-ms-signature-algorithm", "")], "Malformed"),
            (&[signed, ("authorization", "Signature AQ==")], "Malformed"),
            (&[], "Forged"),
            (&[("authorization", "Bearer AQ==")], "Forged"),
            (&[("authorization", "Signature")], "Forged"),
            (&[("authorization", "Signature ?")], "Forged"),
            (&[signed, ("x-ms-signature-algorithm", "rsa-sha1")], "Forged"),
            (&[signed, ("x-ms-signature-algorithm", "ecdsa-sha256")], "Forged"),
            (&[signed, ("x-ms-signature-algorithm", "none")], "Forged"),
        ] {
            let answer = read(more);
            if more.is_empty() || !more.contains(&("authorization", "Signature")) {
                assert!(
                    answer.as_ref().is_err_and(|told| told.starts_with(refused)),
                    "{more:?}: {answer:?}"
                );
            } else {
                // An empty signature is one no key verifies.
                assert_eq!(answer.unwrap().signature, Vec::<u8>::new());
            }
        }
    }
}
