//! Signatures of requests: shared key and shared key lite of the Table service (contract azure-table 3.1).
//!
//! The Table service signs fewer fields than the others of the same account: no `x-ms-*` headers,
//! no length, and of the query only `comp`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use connector_kit::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Deserialize;
use sha2::Sha256;

/// The header both schemes take the time from. `Date` is never sent: service and emulator disagree
/// which of the two counts.
pub(crate) const DATE: &str = "x-ms-date";

/// Which fields of a request are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, connector_kit::schema::JsonSchema)]
#[schemars(crate = "connector_kit::schema::schemars")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    /// Date and resource: the least to get wrong.
    #[default]
    SharedKeyLite,
    /// Also method, digest and content type.
    SharedKey,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::SharedKeyLite => "SharedKeyLite",
            Self::SharedKey => "SharedKey",
        }
    }
}

/// The time as `x-ms-date` wants it.
pub(crate) fn date(now: DateTime<Utc>) -> String {
    now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The value of `Authorization`; none when the key is not base64.
pub(crate) fn authorization(scheme: Scheme, account: &str, key: &Secret, request: &Parts) -> Option<String> {
    let key = STANDARD.decode(key.expose()).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(string_to_sign(scheme, account, request).as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Some(format!("{} {account}:{signature}", scheme.as_str()))
}

/// The text that is signed, of the request exactly as it will be sent.
fn string_to_sign(scheme: Scheme, account: &str, request: &Parts) -> String {
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (date, resource) = (header(DATE), resource(account, request));
    match scheme {
        Scheme::SharedKeyLite => format!("{date}\n{resource}"),
        Scheme::SharedKey => format!(
            "{}\n{}\n{}\n{date}\n{resource}",
            request.method,
            header("content-md5"),
            header(CONTENT_TYPE.as_str())
        ),
    }
}

/// The account, then the path as sent, percent-encoding included: on an emulator the account is
/// in the path as well and so appears twice.
fn resource(account: &str, request: &Parts) -> String {
    let query = request.uri.query().unwrap_or_default();
    let comp = query.split('&').find(|pair| pair.starts_with("comp="));
    let path = request.uri.path();
    match comp {
        Some(comp) => format!("/{account}{path}?{comp}"),
        None => format!("/{account}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        account: String,
        account_key_base64: String,
        #[serde(rename = "vectors")]
        all: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        scheme: String,
        method: String,
        url: String,
        headers: std::collections::BTreeMap<String, String>,
        string_to_sign: String,
        authorization: String,
    }

    #[test]
    fn every_published_vector_is_signed_alike() {
        let text = include_str!("../../../tests/fixtures/azure-table/sharedkey-vectors.json");
        let vectors: Vectors = serde_json::from_str(text).expect("the vectors");
        let key = Secret::new(vectors.account_key_base64);
        assert_eq!(vectors.all.len(), 18);
        for vector in vectors.all {
            let scheme = match vector.scheme.as_str() {
                "SharedKey" => Scheme::SharedKey,
                _ => Scheme::SharedKeyLite,
            };
            let mut request = http::Request::builder()
                .method(vector.method.as_str())
                .uri(&vector.url);
            for (name, value) in &vector.headers {
                request = request.header(name, value);
            }
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            assert_eq!(
                string_to_sign(scheme, &vectors.account, &parts),
                vector.string_to_sign,
                "{}",
                vector.name
            );
            let signed = authorization(scheme, &vectors.account, &key, &parts);
            assert_eq!(signed, Some(vector.authorization), "{}", vector.name);
        }
    }

    #[test]
    fn the_date_is_written_as_the_vectors_have_it() {
        let now = DateTime::from_timestamp(1_795_176_000, 0).expect("a moment");
        assert_eq!(date(now), "Fri, 20 Nov 2026 12:00:00 GMT");
    }

    #[test]
    fn trap_1_only_date_and_resource_are_signed_and_of_the_query_only_comp() {
        let request = |uri: &str, extra: &str| {
            let request = http::Request::get(uri)
                .header(DATE, "D")
                .header("x-ms-version", extra);
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            string_to_sign(Scheme::SharedKeyLite, "acct", &parts)
        };
        assert_eq!(request("https://h/T()?$top=5&sig=x", "a"), "D\n/acct/T()");
        assert_eq!(request("https://h/T()", "b"), "D\n/acct/T()");
        assert_eq!(request("https://h/T?x=1&comp=acl", "a"), "D\n/acct/T?comp=acl");
    }

    #[test]
    fn trap_2_the_path_is_signed_as_sent_with_its_percent_signs() {
        let request =
            http::Request::get("https://h/T(PartitionKey='O%27%27Brien',RowKey='%C5%9E')").header(DATE, "D");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let signed = string_to_sign(Scheme::SharedKeyLite, "acct", &parts);
        assert_eq!(signed, "D\n/acct/T(PartitionKey='O%27%27Brien',RowKey='%C5%9E')");
    }

    #[test]
    fn trap_3_an_emulators_account_appears_twice() {
        let request = http::Request::get("http://127.0.0.1:10002/acct/Tables").header(DATE, "D");
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        assert_eq!(
            string_to_sign(Scheme::SharedKeyLite, "acct", &parts),
            "D\n/acct/acct/Tables"
        );
    }
}
