//! A person signs in, a stranger comes by, nobody comes: against the pretended authority, over real sockets.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use connector_kit::clock::ManualClock;
use connector_kit::dice::Dice;
use connector_kit::http::{ReqwestFactory, Transport, TransportFactory, TransportSettings};
use connector_kit::secret::{Secret, SecretReader};
use connector_kit::token::{Delegated, SignIn, Style};
use connector_kit::vault::Vault;
use connector_kit::{CallBook, ConnectorContext};
use leadsync_sim::entra::Entra;
use leadsync_sim::faults::Fault;
use leadsync_sim::serve::{Server, serve};
use tempfile::TempDir;

use super::*;

const APP: &str = "22222222-2222-2222-2222-222222222222";
const ADA: &str = "ada@contoso.example";
const API: &str = "https://api.example";

struct World {
    entra: Entra,
    server: Server,
    clock: ManualClock,
    _dir: TempDir,
    sign_in: SignIn,
    transport: Arc<dyn Transport>,
}

impl World {
    async fn open() -> Self {
        let clock = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
        let ticking = clock.clone();
        let seconds = Arc::new(move || ticking.now().timestamp());
        let entra = Entra::new("6babcaad-604b-40ac-a9d7-9fd97c0b779f", "contoso.example", seconds);
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADA, &[]);
        entra.add_resource(API);
        entra.consent(APP, API);
        entra.browse_as(Some(ADA));
        let server = serve(entra.router()).await.unwrap();
        let settings = TransportSettings {
            allow_plain_http: true,
            allow_private_targets: vec!["127.0.0.0/8".to_owned()],
            allowed_ports: vec![server.addr.port()],
            ..TransportSettings::default()
        };
        let factory = Arc::new(ReqwestFactory::new("leadsync/test"));
        let dir = tempfile::tempdir().unwrap();
        let context = ConnectorContext {
            name: "desk".to_owned(),
            clock: Arc::new(clock.clone()),
            dice: Dice::seeded(5),
            secrets: SecretReader::default(),
            transports: factory.clone(),
            calls: CallBook::default(),
            state_dir: Some(dir.path().to_owned()),
        };
        let url = |end: &str| {
            let url = format!("http://{}/common/oauth2/v2.0/{end}", server.addr);
            Url::parse(&url).unwrap()
        };
        let app = Delegated {
            token_url: url("token"),
            authorize_url: url("authorize"),
            device_url: url("devicecode"),
            client_id: APP.to_owned(),
            client_secret: None,
            style: Style::V2,
        };
        let vault = Vault::of(&context, &Secret::new("0123456789abcdef0123456789abcdef"));
        Self {
            sign_in: SignIn::new(app, vault.unwrap()),
            transport: factory.transport(&settings).unwrap(),
            entra,
            server,
            clock,
            _dir: dir,
        }
    }

    fn authorizer(&self) -> Arc<dyn Authorizer> {
        let clock = Arc::new(self.clock.clone());
        self.sign_in
            .authorizer(API, Arc::clone(&self.transport), clock, Dice::seeded(3))
    }

    fn is_signed_in(&self) -> bool {
        self.sign_in.standing(self.clock.now()).unwrap().signed_in
    }
}

/// One GET, as a browser would; the whole answer. Blocking: on a thread of its own.
async fn get(address: String, target: String) -> String {
    let asking = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    asking.await.unwrap()
}

/// Where the authority sends Ada's browser back to.
async fn browse(server: String, url: Url) -> Url {
    let target = format!("{}?{}", url.path(), url.query().unwrap());
    let answer = get(server, target).await;
    let location = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap_or_else(|| panic!("{answer}"));
    Url::parse(location.trim()).unwrap()
}

/// Signs in while `visit` does what the browser does: given the address to open and the door's.
async fn with_browser<V>(
    world: &World,
    patience: Duration,
    visit: impl FnOnce(Url, String) -> V,
) -> Result<Authorized, Exit>
where
    V: Future<Output = ()> + Send + 'static,
{
    let authorizer = world.authorizer();
    let door = Door::open(None).await.unwrap();
    let visit = RefCell::new(Some(visit));
    let visiting = Mutex::new(None);
    let tell = |news: News<'_>| {
        let News::Open { url, door } = news else {
            panic!("no code is wanted")
        };
        let visit = visit.borrow_mut().take().unwrap();
        let visit = visit(url.clone(), format!("127.0.0.1:{}", door.port()));
        *visiting.lock().unwrap() = Some(tokio::spawn(visit));
    };
    let ended = in_browser(authorizer.as_ref(), door, patience, &tell).await;
    let visiting = visiting.lock().unwrap().take().unwrap();
    visiting.await.unwrap();
    ended
}

#[tokio::test]
async fn a_browser_comes_back_and_the_person_is_signed_in() {
    let world = World::open().await;
    let server = world.server.addr.to_string();
    let authorized = with_browser(&world, PATIENCE, |url, door| async move {
        let back = browse(server, url).await;
        assert_eq!(back.host_str(), Some("localhost"));
        let page = get(door, format!("/?{}", back.query().unwrap())).await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        assert!(page.contains("You may close this window"), "{page}");
    });
    let authorized = authorized.await.unwrap();
    assert_eq!(authorized.user.as_deref(), Some(ADA));
    assert!(world.is_signed_in());
}

#[tokio::test]
async fn strangers_are_sent_away_and_the_door_stays_open() {
    let world = World::open().await;
    let server = world.server.addr.to_string();
    let authorized = with_browser(&world, PATIENCE, |url, door| async move {
        let back = browse(server, url).await;
        let query = back.query().unwrap().to_owned();
        let without_state = query.replace("state=", "estate=");
        for target in [
            "/".to_owned(),
            "/favicon.ico".to_owned(),
            "/?code=x&state=y".to_owned(),
            format!("/?{without_state}"),
            format!("/elsewhere?{query}"),
        ] {
            let page = get(door.clone(), target.clone()).await;
            assert!(page.starts_with("HTTP/1.1 400 "), "{target}: {page}");
        }
        get(door, format!("/?{query}")).await;
    });
    authorized.await.unwrap();
    assert!(world.is_signed_in());
}

#[tokio::test]
async fn whoever_presses_cancel_ends_it_with_what_to_do() {
    let world = World::open().await;
    world.entra.cancel_next(1);
    let server = world.server.addr.to_string();
    let ended = with_browser(&world, PATIENCE, |url, door| async move {
        let back = browse(server, url).await;
        let page = get(door, format!("/?{}", back.query().unwrap())).await;
        assert!(page.contains("was refused"), "{page}");
    });
    let told = format!("{:?}", ended.await.unwrap_err());
    assert!(
        told.contains("code: 77") && told.contains("could not sign in: access_denied; "),
        "{told}"
    );
    assert!(!world.is_signed_in());
}

#[tokio::test]
async fn nobody_is_waited_for_for_ever() {
    let world = World::open().await;
    let ended = with_browser(&world, Duration::from_millis(1), |_, _| async {}).await;
    let told = format!("{:?}", ended.unwrap_err());
    assert!(
        told.contains("code: 4,") && told.contains("nobody signed in in time"),
        "{told}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let door = Door::open(None).await.unwrap();
    let Err(refused) = Door::open(Some(door.port())).await else {
        panic!("opened twice");
    };
    let told = format!("{refused:?}");
    assert!(
        told.contains(&format!("cannot listen on 127.0.0.1:{}", door.port())),
        "{told}"
    );
}

/// Waits for a code while `person` does something with it at the first news.
async fn with_device(world: &World, person: impl Fn(&DeviceRequest)) -> Result<Authorized, Exit> {
    let tell = |news: News<'_>| match news {
        News::Type(request) => person(request),
        News::Open { .. } => panic!("no browser is wanted"),
    };
    on_device(world.authorizer().as_ref(), &world.clock, &tell).await
}

#[tokio::test]
async fn a_code_typed_elsewhere_signs_the_person_in_through_trouble_that_passes() {
    let world = World::open().await;
    world.entra.watch_pace(true);
    world.entra.slow_down_next(1);
    world.entra.faults.on_request(3, Fault::status(503));
    world.entra.faults.on_request(4, Fault::CutBefore);
    let authorized = with_device(&world, |request| {
        assert!(world.entra.sign_in_on_device(&request.user_code, ADA));
    });
    assert_eq!(authorized.await.unwrap().user.as_deref(), Some(ADA));
    assert_eq!(world.entra.faults.requests(), 5);
    assert!(world.is_signed_in());
}

#[tokio::test]
async fn a_code_nobody_types_ends_in_time_and_one_declined_at_once() {
    let world = World::open().await;
    let late = format!("{:?}", with_device(&world, |_| {}).await.unwrap_err());
    assert!(late.contains("code: 4,"), "{late}");
    let declined = with_device(&world, |request| {
        assert!(world.entra.decline_on_device(&request.user_code));
    });
    let declined = format!("{:?}", declined.await.unwrap_err());
    assert!(
        declined.contains("code: 77") && declined.contains("the person declined"),
        "{declined}"
    );
    assert!(!world.is_signed_in());
}
