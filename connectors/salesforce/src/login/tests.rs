//! Where a token may send us.

use super::*;

fn login(instance: &str, plain_http: bool) -> Login {
    struct Nobody;
    #[async_trait]
    impl Grant for Nobody {
        async fn fetch(&self, _: &dyn Transport, _: DateTime<Utc>) -> Result<Granted, ConnectorError> {
            Err(ConnectorError::new(ErrorKind::Broken, "ask nobody"))
        }
    }
    struct Nowhere;
    #[async_trait]
    impl Transport for Nowhere {
        async fn send(
            &self,
            _: connector_kit::http::Request,
        ) -> Result<connector_kit::http::Response, connector_kit::http::TransportError> {
            Err(connector_kit::http::TransportError::new(
                connector_kit::http::Fault::Dns,
                "nowhere",
            ))
        }
    }
    let clock = Arc::new(connector_kit::clock::ManualClock::new(DateTime::default()));
    Login {
        tokens: TokenSource::with_grant(Box::new(Nobody), Arc::new(Nowhere), clock),
        instance: Url::parse(instance).unwrap(),
        signs: false,
        plain_http,
    }
}

#[test]
fn a_token_may_send_us_to_salesforce_or_to_where_we_were_told_and_nowhere_else() {
    let login = login("https://crm.contoso.example:8443", false);
    for good in [
        "https://contoso.my.salesforce.com",
        "https://contoso--uat.sandbox.my.salesforce.com/",
        "https://crm.contoso.example:8443",
    ] {
        assert!(login.base(Some(good)).is_ok(), "{good}");
    }
    for bad in [
        "http://contoso.my.salesforce.com",
        "https://salesforce.com.evil.example",
        "https://evilsalesforce.com",
        "https://contoso.my.salesforce.com:9999",
        "https://me@contoso.my.salesforce.com",
        "https://contoso.my.salesforce.com/elsewhere",
        "https://crm.contoso.example",
        "http://crm.contoso.example:8443",
        "file:///etc/passwd",
        "",
    ] {
        let error = login.base(Some(bad)).expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{bad}");
    }
    assert_eq!(login.base(None).unwrap(), login.instance);
}

#[test]
fn plain_http_is_only_for_the_host_of_the_config_and_only_when_allowed() {
    assert!(
        login("http://127.0.0.1:4000", true)
            .base(Some("http://127.0.0.1:4000"))
            .is_ok()
    );
    assert!(
        login("http://127.0.0.1:4000", true)
            .base(Some("http://127.0.0.1:5000"))
            .is_err()
    );
    assert!(
        login("http://127.0.0.1:4000", true)
            .base(Some("http://contoso.my.salesforce.com"))
            .is_err()
    );
}

#[test]
fn a_sandbox_has_an_audience_of_its_own() {
    let of = |login: &str, instance: &str| {
        audience_of(&Url::parse(login).unwrap(), &Url::parse(instance).unwrap())
    };
    let production = "https://contoso.my.salesforce.com";
    let sandbox = "https://contoso--uat.sandbox.my.salesforce.com";
    assert_eq!(of(production, production), "https://login.salesforce.com");
    assert_eq!(of(sandbox, sandbox), "https://test.salesforce.com");
    assert_eq!(
        of("https://test.salesforce.com", production),
        "https://test.salesforce.com"
    );
}
