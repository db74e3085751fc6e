//! The link to the next page, which is not followed as it is: it comes as `http://`, with a part of the
//! path missing (contract partner-center 4.3).

use connector_kit::{ConnectorError, ErrorKind};
use url::Url;

/// The service's own name, which links carry wherever it is reached.
const OWN_NAME: &str = "api.partner.microsoft.com";
/// A longer one is no continuation.
const LONGEST: usize = 8 * 1024;

/// The query of the link, which is all that is taken of it; the base is ours.
pub(crate) fn query(link: &str, base: &Url) -> Result<String, ConnectorError> {
    let refused = |why: &str| {
        ConnectorError::new(
            ErrorKind::Broken,
            format!("follow the link to the next page: {why}"),
        )
        .hint("ask Microsoft, with the request's id: such a link is not theirs")
    };
    if link.len() > LONGEST {
        return Err(refused("it is too long"));
    }
    // A link without a host is one of this host.
    let url = base.join(link).map_err(|_| refused("it is not a URL"))?;
    let is_ours = |host: &str| {
        base.host_str().is_some_and(|own| own.eq_ignore_ascii_case(host))
            || host.eq_ignore_ascii_case(OWN_NAME)
    };
    if !matches!(url.scheme(), "http" | "https") || !url.host_str().is_some_and(is_ours) {
        return Err(refused("it leads to another host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("it holds a user name"));
    }
    match url.query() {
        Some(query) if !query.is_empty() => Ok(query.to_owned()),
        _ => Err(refused("it does not say where to go on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(link: &str) -> Result<String, String> {
        let base = Url::parse("https://partner.example:8443/v1.0/engagements").unwrap();
        query(link, &base).map_err(|error| error.to_string())
    }

    #[test]
    fn of_a_link_only_the_query_is_taken_byte_for_byte() {
        let token = "$skiptoken=k181pEdP0ykypkieJfcxX%2fEXAMPLE";
        for link in [
            format!("http://api.partner.microsoft.com/v1.0/referrals?{token}"),
            format!("http://partner.example/elsewhere?{token}"),
            format!("https://PARTNER.example:8443/v1.0/engagements/referrals?{token}#x"),
            format!("/v1.0/referrals?{token}"),
            format!("?{token}"),
        ] {
            assert_eq!(of(&link).as_deref(), Ok(token), "{link}");
        }
    }

    #[test]
    fn a_link_to_another_host_is_refused() {
        for link in [
            "https://evil.example/v1.0/referrals?$skiptoken=x",
            "https://api.partner.microsoft.com.evil.example/?$skiptoken=x",
            "https://api.partner.microsoft.com@evil.example/?$skiptoken=x",
            "//evil.example/?$skiptoken=x",
            "https:\\\\evil.example/?$skiptoken=x",
            "file:///etc/passwd?$skiptoken=x",
        ] {
            assert!(
                of(link).unwrap_err().ends_with("it leads to another host"),
                "{link}"
            );
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_refused() {
        for link in [
            "",
            "https://partner.example/v1.0",
            "https://partner.example/?",
            "http://[",
        ] {
            assert!(of(link).is_err(), "{link}");
        }
        let user = "https://me:pw@partner.example/?$skiptoken=x";
        assert!(of(user).unwrap_err().ends_with("it holds a user name"));
        let long = format!("?$skiptoken={}", "x".repeat(LONGEST));
        assert!(of(&long).unwrap_err().ends_with("it is too long"));
    }
}
