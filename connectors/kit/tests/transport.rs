//! The real transport against a real, and really faulty, server.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are part of the test")]

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector_kit::http::{
    Fault, Request, ReqwestFactory, Resolve, Transport, TransportFactory, TransportSettings, Truncated, whole,
};
use connector_kit::secret::Secret;
use leadsync_sim::authority::Authority;
use leadsync_sim::serve::{Server, serve, serve_tls};
use leadsync_sim::webhook::{Answer, Rules, Webhook};

const AGENT: &str = "leadsync/test";

fn webhook() -> Webhook {
    Webhook::new(Rules::default(), Arc::new(|| 1_795_176_000))
}

/// Settings that reach this machine, and nothing else that is private.
fn settings(port: u16) -> TransportSettings {
    TransportSettings {
        total_timeout: Duration::from_millis(400),
        connect_timeout: Duration::from_millis(200),
        max_response_bytes: 1024,
        allow_private_targets: vec!["127.0.0.0/8".into()],
        allow_plain_http: true,
        allowed_ports: vec![port],
        ..TransportSettings::default()
    }
}

fn transport(settings: &TransportSettings) -> Arc<dyn Transport> {
    ReqwestFactory::new(AGENT).transport(settings).unwrap()
}

fn post(url: &str) -> Request {
    let builder = http::Request::post(url)
        .header("webhook-id", "evt_1")
        .header("webhook-timestamp", "1795176000");
    builder.body(Bytes::from_static(b"{}")).unwrap()
}

async fn plain(webhook: &Webhook) -> (Server, String, Arc<dyn Transport>) {
    let server = serve(webhook.router()).await.unwrap();
    let url = format!("http://{}/leads?sig=canary", server.addr);
    let transport = transport(&settings(server.addr.port()));
    (server, url, transport)
}

/// Every lookup gets the next answer.
struct Script(Mutex<Vec<io::Result<&'static str>>>);

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let answer = self.0.lock().unwrap().remove(0);
        answer.map(|address| vec![address.parse().unwrap()])
    }
}

fn resolving(answers: Vec<io::Result<&'static str>>) -> ReqwestFactory {
    ReqwestFactory::with_resolver(AGENT, Arc::new(Script(Mutex::new(answers))))
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given_and_its_answer_comes_back() {
    let hook = webhook();
    hook.answer_next([Answer::status(202).header("retry-after", "7").body("thanks")]);
    let (_server, url, transport) = plain(&hook).await;
    let answer = transport.send(post(&url)).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.body().as_ref()),
        (202, &b"thanks"[..])
    );
    assert_eq!(answer.headers()["retry-after"], "7");
    let seen = &hook.requests()[0];
    assert_eq!(seen.target, "/leads?sig=canary");
    assert_eq!(seen.header("user-agent"), Some(AGENT));
    assert_eq!(hook.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn no_redirect_is_followed_wherever_it_leads() {
    let hook = webhook();
    let (_server, url, transport) = plain(&hook).await;
    for (status, location) in [
        (301, url.as_str()),
        (302, "http://127.0.0.1:1/"),
        (307, "https://169.254.169.254/"),
        (308, url.as_str()),
    ] {
        hook.answer_next([Answer::status(status).header("location", location)]);
        let answer = transport.send(post(&url)).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
    }
    assert_eq!(hook.count(), 4);
}

#[tokio::test]
async fn a_refused_connection_is_a_connect_fault_and_names_no_query() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = transport(&settings(free.port()));
    let error = transport
        .send(post(&format!("http://{free}/x?sig=canary")))
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Connect);
    assert!(!error.outcome_unknown());
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_costs_the_connect_time_out() {
    let black_hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = black_hole.local_addr().unwrap();
    let transport = transport(&settings(addr.port()));
    let error = transport
        .send(post(&format!("https://{addr}/x")))
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Connect, "{error}");
    assert!(error.message.contains("in time"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_total_time_out_and_leaves_the_outcome_unknown() {
    let hook = webhook();
    hook.answer_next([Answer::silence()]);
    let (_server, url, transport) = plain(&hook).await;
    let error = transport.send(post(&url)).await.unwrap_err();
    assert_eq!(error.fault, Fault::Timeout);
    assert!(error.outcome_unknown());
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_leaves_the_outcome_unknown() {
    let hook = webhook();
    hook.answer_next([Answer::hang_up()]);
    let (_server, url, transport) = plain(&hook).await;
    let error = transport.send(post(&url)).await.unwrap_err();
    assert_eq!(error.fault, Fault::Cut);
    assert!(error.outcome_unknown());
    assert_eq!(hook.count(), 1, "nothing is repeated by itself");
}

#[tokio::test]
async fn a_2xx_whose_body_is_cut_stays_that_2xx() {
    let hook = webhook();
    hook.answer_next([Answer::status(200).body("half").cut()]);
    let (_server, url, transport) = plain(&hook).await;
    let answer = transport.send(post(&url)).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.body().as_ref()),
        (200, &b"half"[..])
    );
    assert_eq!(answer.extensions().get(), Some(&Truncated::Cut));
    assert_eq!(whole(answer).unwrap_err().fault, Fault::Cut);
}

#[tokio::test]
async fn a_gibibyte_of_answer_is_read_to_the_limit_and_no_further() {
    let hook = webhook();
    hook.answer_next([
        Answer::status(200).flood(1 << 30),
        Answer::status(400).flood(1 << 30),
    ]);
    let (_server, url, transport) = plain(&hook).await;
    for status in [200, 400] {
        let answer = transport.send(post(&url)).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().len()), (status, 1024));
        assert_eq!(answer.extensions().get(), Some(&Truncated::TooLarge));
        assert_eq!(whole(answer).unwrap_err().fault, Fault::TooLarge);
    }
}

#[tokio::test]
async fn a_body_exactly_at_the_limit_is_whole() {
    let hook = webhook();
    hook.answer_next([Answer::status(200).flood(1024)]);
    let (_server, url, transport) = plain(&hook).await;
    let answer = transport.send(post(&url)).await.unwrap();
    assert_eq!(whole(answer).unwrap().body().len(), 1024);
}

#[tokio::test]
async fn a_dripping_or_stalled_body_ends_with_the_total_time_out() {
    let hook = webhook();
    let drip = Answer::status(200).drip(Duration::from_millis(20));
    hook.answer_next([drip, Answer::status(200).body("x").stall()]);
    let (_server, url, transport) = plain(&hook).await;
    for _ in 0..2 {
        let answer = transport.send(post(&url)).await.unwrap();
        assert_eq!(answer.extensions().get(), Some(&Truncated::Timeout));
        assert!((1..1024).contains(&answer.body().len()));
    }
}

#[tokio::test]
async fn an_address_outside_the_policy_is_never_connected_to() {
    let hook = webhook();
    let (server, ..) = plain(&hook).await;
    let port = server.addr.port();
    let closed = TransportSettings {
        allow_private_targets: vec!["10.0.0.0/8".into()],
        ..settings(port)
    };
    let by_name = resolving(vec![Ok("127.0.0.1")]).transport(&closed).unwrap();
    for (transport, host) in [(transport(&closed), "127.0.0.1"), (by_name, "hooks.test")] {
        let error = transport
            .send(post(&format!("http://{host}:{port}/x")))
            .await
            .unwrap_err();
        assert_eq!(error.fault, Fault::Forbidden, "{error}");
    }
    assert_eq!(hook.count(), 0);
}

#[tokio::test]
async fn every_connection_looks_the_name_up_again_and_follows_it_only_where_allowed() {
    let hook = webhook();
    let (server, ..) = plain(&hook).await;
    let settings = TransportSettings {
        idle_connections: 0,
        ..settings(server.addr.port())
    };
    let answers = vec![
        Err(io::Error::other("SERVFAIL")),
        Ok("127.0.0.1"),
        Ok("169.254.169.254"),
    ];
    let transport = resolving(answers).transport(&settings).unwrap();
    let url = format!("http://hooks.test:{}/x", server.addr.port());
    assert_eq!(transport.send(post(&url)).await.unwrap_err().fault, Fault::Dns);
    assert_eq!(transport.send(post(&url)).await.unwrap().status(), 200);
    assert_eq!(
        transport.send(post(&url)).await.unwrap_err().fault,
        Fault::Forbidden
    );
    assert_eq!(hook.count(), 1);
}

/// A directory with the authority's certificate in it.
fn trusted(authority: &Authority) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    (dir, path)
}

/// Settings with room for a handshake on a busy machine.
fn tls_settings(port: u16, ca: &std::path::Path) -> TransportSettings {
    TransportSettings {
        total_timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(10),
        ca_file: Some(ca.to_owned()),
        ..settings(port)
    }
}

#[tokio::test]
async fn a_private_ca_is_trusted_when_named_and_only_then() {
    let (hook, authority) = (webhook(), Authority::new().unwrap());
    let server = serve_tls(hook.router(), authority.server("hooks.test").unwrap())
        .await
        .unwrap();
    let (_dir, ca) = trusted(&authority);
    let url = format!("https://hooks.test:{}/x", server.addr.port());
    let named = tls_settings(server.addr.port(), &ca);
    let transport = resolving(vec![Ok("127.0.0.1")]).transport(&named).unwrap();
    assert_eq!(transport.send(post(&url)).await.unwrap().status(), 200);

    let (_other_dir, other) = trusted(&Authority::new().unwrap());
    let unknown = tls_settings(server.addr.port(), &other);
    let transport = resolving(vec![Ok("127.0.0.1")]).transport(&unknown).unwrap();
    assert_eq!(
        transport.send(post(&url)).await.unwrap_err().fault,
        Fault::Certificate
    );
    assert_eq!(hook.count(), 1);
}

#[tokio::test]
async fn an_expired_or_foreign_certificate_gets_no_request() {
    let (hook, authority) = (webhook(), Authority::new().unwrap());
    let (_dir, ca) = trusted(&authority);
    for tls in [
        authority.expired_server("hooks.test").unwrap(),
        authority.server("other.test").unwrap(),
    ] {
        let server = serve_tls(hook.router(), tls).await.unwrap();
        let settings = tls_settings(server.addr.port(), &ca);
        let transport = resolving(vec![Ok("127.0.0.1")]).transport(&settings).unwrap();
        let url = format!("https://hooks.test:{}/x", server.addr.port());
        assert_eq!(
            transport.send(post(&url)).await.unwrap_err().fault,
            Fault::Certificate
        );
    }
    assert_eq!(hook.count(), 0);
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_a_missing_one_is_the_operators_fault() {
    let (hook, authority) = (webhook(), Authority::new().unwrap());
    let tls = authority.server_for_clients_of(&authority, "hooks.test").unwrap();
    let server = serve_tls(hook.router(), tls).await.unwrap();
    let (dir, ca) = trusted(&authority);
    let url = format!("https://hooks.test:{}/x", server.addr.port());
    let without = tls_settings(server.addr.port(), &ca);
    let transport = resolving(vec![Ok("127.0.0.1")]).transport(&without).unwrap();
    let error = transport.send(post(&url)).await.unwrap_err();
    assert_eq!(error.fault, Fault::Identity, "{error}");

    let client = authority.client("leadsync").unwrap();
    let chain = dir.path().join("client.pem");
    std::fs::write(&chain, client.certificate).unwrap();
    let with = TransportSettings {
        client_identity: Some((chain, Secret::new(client.key))),
        ..without
    };
    let transport = resolving(vec![Ok("127.0.0.1")]).transport(&with).unwrap();
    assert_eq!(transport.send(post(&url)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_configured_proxy_gets_every_request_and_resolves_the_names() {
    let proxy = webhook();
    let server = serve(proxy.router()).await.unwrap();
    let settings = TransportSettings {
        proxy: Some(format!("http://{}", server.addr)),
        ..settings(80)
    };
    let transport = resolving(vec![]).transport(&settings).unwrap();
    assert_eq!(
        transport
            .send(post("http://hooks.example/x"))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(proxy.requests()[0].target, "http://hooks.example/x");
}

#[tokio::test]
async fn proxies_of_the_environment_are_ignored() {
    let trap = webhook();
    let server = serve(trap.router()).await.unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "a_request_arrives_as_it_was_given_and_its_answer_comes_back",
    ]);
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        child.env(name, format!("http://{}", server.addr));
    }
    let finished = tokio::task::spawn_blocking(move || child.output().unwrap())
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&finished.stdout).into_owned();
    assert!(finished.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(trap.count(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_when_the_transport_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let junk = dir.path().join("junk.pem");
    std::fs::write(&junk, "no certificate").unwrap();
    let default = TransportSettings::default;
    for (key, settings) in [
        (
            "settings.ca_file",
            TransportSettings {
                ca_file: Some("/nowhere.pem".into()),
                ..default()
            },
        ),
        (
            "settings.ca_file",
            TransportSettings {
                ca_file: Some(junk.clone()),
                ..default()
            },
        ),
        (
            "settings.proxy",
            TransportSettings {
                proxy: Some("proxy:3128".into()),
                ..default()
            },
        ),
        (
            "settings.timeout",
            TransportSettings {
                total_timeout: Duration::from_secs(301),
                ..default()
            },
        ),
        (
            "settings.allow_private_targets",
            TransportSettings {
                allow_private_targets: vec!["10.0.0.1/8".into()],
                ..default()
            },
        ),
        (
            "settings.client_certificate",
            TransportSettings {
                client_identity: Some((junk, Secret::new("key"))),
                ..default()
            },
        ),
    ] {
        let error = ReqwestFactory::new(AGENT).transport(&settings).err().expect(key);
        assert_eq!(error.key, key, "{error}");
    }
}
