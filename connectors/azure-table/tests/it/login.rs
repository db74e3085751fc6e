//! A login: a token is fetched once, sent as bearer, and fetched anew when it is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use connector_azure_table::build;
use connector_kit::clock::ManualClock;
use connector_kit::{Connector, ConnectorSettings, ErrorKind, Role};
use http::StatusCode;

use crate::support::{RouterFactory, context, noon};

/// A login authority and a table with no rows; every token but the newest is refused.
#[derive(Default)]
struct Cloud {
    issued: AtomicU32,
    refuse_all: bool,
}

impl Cloud {
    async fn answer(self: Arc<Self>, request: Request) -> Response {
        if request.uri().path() == "/contoso.example/oauth2/v2.0/token" {
            assert_eq!(request.uri().host(), Some("login.microsoftonline.com"));
            let form = to_bytes(request.into_body(), 4096).await.expect("a form");
            let form = String::from_utf8_lossy(&form).into_owned();
            assert!(
                form.contains("scope=https%3A%2F%2Fstorage.azure.com%2F.default"),
                "{form}"
            );
            let number = self.issued.fetch_add(1, Ordering::Relaxed) + 1;
            return format!(r#"{{"access_token":"t{number}","token_type":"Bearer","expires_in":"3599"}}"#)
                .into_response();
        }
        let newest = format!("Bearer t{}", self.issued.load(Ordering::Relaxed));
        let header = |name: &str| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        assert!(header("x-ms-version") >= "2017-11-09");
        if header("authorization") != newest || self.refuse_all {
            return (
                StatusCode::UNAUTHORIZED,
                [("x-ms-error-code", "InvalidAuthenticationInfo")],
            )
                .into_response();
        }
        r#"{"value":[]}"#.into_response()
    }
}

fn connector(cloud: &Arc<Cloud>) -> Connector {
    let text = "endpoint = \"https://contosoleads.table.core.windows.net\"\n\
                auth.entra = { tenant = \"contoso.example\", client_id = \"app\", client_secret = { env = \"OTHER_KEY\" } }";
    let settings = ConnectorSettings {
        roles: vec![Role::Source],
        settings: toml::from_str(text).expect("settings"),
        ..ConnectorSettings::default()
    };
    let cloud = Arc::clone(cloud);
    let router = Router::new().fallback(move |request: Request| Arc::clone(&cloud).answer(request));
    build(
        &settings,
        &context(&ManualClock::new(noon()), 1, Arc::new(RouterFactory(router))),
    )
    .expect("a connector")
}

#[tokio::test]
async fn one_token_serves_many_calls_and_a_refused_one_is_replaced_once() {
    let cloud = Arc::new(Cloud::default());
    let source = connector(&cloud).source.expect("a source");
    for _ in 0..3 {
        source.poll(None, 10).await.expect("signed in");
    }
    assert_eq!(cloud.issued.load(Ordering::Relaxed), 1);
    // The directory revokes the token.
    cloud.issued.store(7, Ordering::Relaxed);
    source.poll(None, 10).await.expect("signed in anew");
    assert_eq!(cloud.issued.load(Ordering::Relaxed), 8);
}

#[tokio::test]
async fn a_login_that_stays_refused_is_the_operators_to_mend() {
    let cloud = Arc::new(Cloud {
        refuse_all: true,
        ..Cloud::default()
    });
    let source = connector(&cloud).source.expect("a source");
    let error = source.poll(None, 10).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(cloud.issued.load(Ordering::Relaxed), 2, "refreshed once");
}
