//! F35: the certificate is replaced while senders shake hands.

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::process::{Daemon, GENEROUS, House, Wire, lead_body, lead_path, post};

/// Handshakes while certificates come and go.
const HANDSHAKES: usize = 1_000;

/// A certificate of our own, written to where the daemon reads it.
fn certify(house: &House) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["leads.example".to_owned()]).unwrap();
    // Each whole, and the pair read at one moment only, by the reload that follows.
    for (name, text) in [
        ("tls.pem", made.cert.pem()),
        ("tls.key", made.signing_key.serialize_pem()),
    ] {
        fs::write(house.path("new"), text).unwrap();
        fs::rename(house.path("new"), house.path(name)).unwrap();
    }
    made.cert.der().clone()
}

fn client(trusted: &[CertificateDer<'static>]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    // Each handshake is a whole one.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// Posts a lead on a connection of its own; gives the status, and the certificate that was shown.
fn send(house: &House, client: &Arc<ClientConfig>, email: &str) -> (u16, CertificateDer<'static>) {
    let stream = TcpStream::connect(house.public).unwrap();
    stream.set_read_timeout(Some(GENEROUS)).unwrap();
    let name = ServerName::try_from("leads.example").unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut wire = Wire(StreamOwned::new(connection, stream));
    let answer = wire.exchange(&post(&lead_path(), &lead_body(email))).unwrap();
    let shown = wire.0.conn.peer_certificates().unwrap()[0].clone().into_owned();
    (answer.status, shown)
}

#[test]
fn of_a_thousand_handshakes_none_fails_while_the_certificate_is_replaced_again_and_again() {
    let house = House::new();
    let main = fs::read_to_string(house.path("leadsync.toml")).unwrap();
    let home = house.path("");
    let tls = format!(
        "{main}[listen.tls]\ncertificate = \"{0}tls.pem\"\nkey = {{ file = \"{0}tls.key\" }}\n",
        home.display()
    );
    fs::write(house.path("leadsync.toml"), tls).unwrap();
    let mut certificates = vec![certify(&house)];
    let mut daemon = Daemon::start(&house);
    let done = AtomicUsize::new(0);
    for round in 0..10 {
        let next = certify(&house);
        // Until the reload is over, either may be shown; nobody else's ever is.
        let both = client(&[certificates[round].clone(), next.clone()]);
        std::thread::scope(|scope| {
            for sender in 0..2 {
                let (both, house, done) = (&both, &house, &done);
                scope.spawn(move || {
                    for number in 0..HANDSHAKES / 20 {
                        let email = format!("person@c{round}-{sender}-{number}.example");
                        assert_eq!(send(house, both, &email).0, 200);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let told = house.ask(&["ctl", "reload"]);
            assert_eq!(told["certificate"], true, "{told}");
        });
        let email = format!("person@after-{round}.example");
        let (status, shown) = send(&house, &both, &email);
        assert_eq!(
            (status, shown),
            (200, next.clone()),
            "the new one is shown after the reload"
        );
        certificates.push(next);
    }
    assert_eq!(done.into_inner(), HANDSHAKES);
    assert_eq!(house.ask(&["ctl", "reload"])["certificate"], false);

    // A key that does not belong to the certificate changes nothing.
    let other = rcgen::KeyPair::generate().unwrap();
    fs::write(house.path("tls.key"), other.serialize_pem()).unwrap();
    let output = house.run(&["ctl", "reload"]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{complaint}");
    assert!(complaint.contains("listen.tls.certificate"), "{complaint}");
    let (status, shown) = send(&house, &client(&certificates), "person@last.example");
    assert_eq!((status, &shown), (200, certificates.last().unwrap()));
    daemon.stop();
}
