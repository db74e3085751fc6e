//! A person signs in at the pretended authority, and tokens follow; then everything that may go wrong.

mod refreshing;
mod refusals;
mod secrecy;
mod signing_in;
mod standings;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::TimeDelta;
use http::StatusCode;
use leadsync_sim::entra::Entra;
use leadsync_sim::serve::{Server, serve};
use tempfile::TempDir;

use super::record::{Kept, NAME, Record};
use super::*;
use crate::calls::CallBook;
use crate::clock::ManualClock;
use crate::context::ConnectorContext;
use crate::error::ErrorKind;
use crate::http::{ReqwestFactory, Response, TransportError, TransportFactory, TransportSettings};
use crate::secret::SecretReader;

const TENANT: &str = "6babcaad-604b-40ac-a9d7-9fd97c0b779f";
const APP: &str = "22222222-2222-2222-2222-222222222222";
const ADA: &str = "ada@contoso.example";
const PARTNER: &str = "https://api.partner.microsoft.com";
const CENTER: &str = "https://api.partnercenter.microsoft.com";
const REDIRECT: &str = "http://localhost:50123/";
const AGAIN: &str = "run leadsync authorize desk, then release";

/// The authority on a socket, a person who may use the app, and a place to keep the sign-in.
struct World {
    entra: Entra,
    server: Server,
    clock: ManualClock,
    dir: TempDir,
    transport: Arc<Counted>,
    style: Style,
}

/// The real way out, counting.
struct Counted {
    inner: Arc<dyn Transport>,
    sent: AtomicUsize,
}

#[async_trait]
impl Transport for Counted {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        self.inner.send(request).await
    }
}

fn way_out() -> Arc<Counted> {
    let settings = TransportSettings {
        allow_plain_http: true,
        allow_private_targets: vec!["127.0.0.0/8".to_owned()],
        allowed_ports: (1..=u16::MAX).collect(),
        ..TransportSettings::default()
    };
    Arc::new(Counted {
        inner: ReqwestFactory::new("leadsync/test").transport(&settings).unwrap(),
        sent: AtomicUsize::new(0),
    })
}

impl World {
    async fn open(style: Style) -> Self {
        let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
        let ticking = clock.clone();
        let entra = Entra::new(
            TENANT,
            "contoso.example",
            Arc::new(move || ticking.now().timestamp()),
        );
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADA, &["Referrals admin"]);
        for resource in [PARTNER, CENTER] {
            entra.add_resource(resource);
            entra.consent(APP, resource);
        }
        entra.browse_as(Some(ADA));
        let server = serve(entra.router()).await.unwrap();
        entra.at(&format!("http://{}", server.addr));
        Self {
            entra,
            server,
            clock,
            dir: tempfile::tempdir().unwrap(),
            transport: way_out(),
            style,
        }
    }

    /// With Ada signed in already.
    async fn signed_in(style: Style) -> Self {
        let world = Self::open(style).await;
        let token = world.entra.refresh_token(APP, ADA, PARTNER);
        world.keep(&token).await;
        world
    }

    fn app(&self) -> Delegated {
        let url = |end: &str| {
            let version = match self.style {
                Style::V1 => "oauth2",
                Style::V2 => "oauth2/v2.0",
            };
            let url = format!("http://{}/common/{version}/{end}", self.server.addr);
            Url::parse(&url).unwrap()
        };
        Delegated {
            token_url: url("token"),
            authorize_url: url("authorize"),
            device_url: url("devicecode"),
            client_id: APP.to_owned(),
            client_secret: None,
            style: self.style,
        }
    }

    /// The sign-in as another process would see it: over the same files, sharing no memory.
    fn sign_in(&self) -> SignIn {
        self.sign_in_of(self.app())
    }

    fn sign_in_of(&self, app: Delegated) -> SignIn {
        SignIn::new(app, vault(self.dir.path(), &self.clock))
    }

    fn tokens(&self, sign_in: &SignIn, audience: &str) -> TokenSource {
        sign_in.tokens(audience, self.transport.clone(), Arc::new(self.clock.clone()))
    }

    fn authorizer(&self) -> Arc<dyn Authorizer> {
        let clock = Arc::new(self.clock.clone());
        self.sign_in()
            .authorizer(PARTNER, self.transport.clone(), clock, Dice::seeded(3))
    }

    async fn keep(&self, refresh_token: &str) {
        let record = Record::new(&self.app(), Secret::new(refresh_token), None, self.clock.now());
        let vault = vault(self.dir.path(), &self.clock);
        vault.hold(NAME).await.unwrap().write(&record).unwrap();
    }

    fn kept(&self) -> Record {
        vault(self.dir.path(), &self.clock).read(NAME).unwrap().unwrap()
    }

    fn standing(&self) -> Standing {
        self.sign_in().standing(self.clock.now()).unwrap()
    }

    /// A fresh token, whatever is remembered: by a token source that remembers nothing.
    async fn fetch(&self, audience: &str) -> Result<Secret, ConnectorError> {
        self.tokens(&self.sign_in(), audience).bearer().await
    }

    fn is_good(&self, token: &Secret, audience: &str) -> bool {
        let bearer = self.entra.bearer(token.expose(), audience);
        bearer.is_some_and(|bearer| bearer.user.as_deref() == Some(ADA))
    }

    /// Sends Ada's browser there; the query it comes back with.
    async fn browse(&self, request: &CodeRequest) -> String {
        let request = http::Request::get(request.url.as_str())
            .body(bytes::Bytes::new())
            .unwrap();
        let response = self.transport.send(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND, "{response:?}");
        let back = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        assert!(back.as_str().starts_with(REDIRECT), "{back}");
        back.query().unwrap().to_owned()
    }
}

fn vault(dir: &Path, clock: &ManualClock) -> Vault {
    let context = ConnectorContext {
        name: "desk".to_owned(),
        clock: Arc::new(clock.clone()),
        dice: Dice::seeded(5),
        secrets: SecretReader::default(),
        transports: Arc::new(ReqwestFactory::new("leadsync/test")),
        calls: CallBook::default(),
        state_dir: Some(dir.to_owned()),
    };
    Vault::of(&context, &Secret::new("0123456789abcdef0123456789abcdef")).unwrap()
}

/// The member of that name in the query of a URL.
fn member(query: &str, name: &str) -> String {
    let mut members = url::form_urlencoded::parse(query.as_bytes());
    let found = members.find(|(member, _)| member == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
