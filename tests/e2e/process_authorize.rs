//! `authorize`, as an operator types it: a person signs in at the pretended authority.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::Arc;

use leadsync_sim::entra::Entra;
use leadsync_sim::serve::{Server, serve};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::process::crm::{nearby, run};
use crate::process::{Answer, Destination, GENEROUS, House, Plan, Wire};

const APP: &str = "22222222-2222-2222-2222-222222222222";
const ADA: &str = "ada@contoso.example";
const REFERRALS: &str = "https://api.partner.microsoft.com";

/// The authority's time stands still: nothing here runs out.
const NOW: i64 = 1_795_000_000;

/// The authority on a port of its own, and a house with a connector somebody has to sign in for.
struct World {
    entra: Entra,
    house: House,
    server: Server,
    _runtime: Runtime,
}

impl World {
    fn open() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entra = Entra::new("contoso-id", "contoso.example", Arc::new(|| NOW));
        entra.poll_every(1);
        entra.add_public_client(APP, &["http://localhost"]);
        entra.add_user(ADA, &["Referrals admin"]);
        entra.add_resource(REFERRALS);
        entra.consent(APP, REFERRALS);
        entra.browse_as(Some(ADA));
        let server = runtime.block_on(serve(entra.router())).unwrap();
        let house = House::new();
        house.write_secret("vault.key", "canary-vault-key-0123456789abcdef");
        let connector = format!(
            "kind = \"partner-center\"\nroles = [\"source\"]\n[settings]\ntenant = \"contoso.example\"\n\
             client_id = \"{APP}\"\nvault_key = {{ file = \"{}\" }}\nauthority = \"http://{}\"\n{}",
            house.path("vault.key").display(),
            server.addr,
            nearby(&[server.addr])
        );
        house.add_connector("desk", &connector);
        Self {
            entra,
            house,
            server,
            _runtime: runtime,
        }
    }

    fn begin(&self, arguments: &[&str]) -> Command {
        let child = self
            .house
            .command()
            .args([&["--json", "authorize", "desk"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Command::of(child)
    }

    /// Everything that lies below the state directory.
    fn kept(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        let place = self.house.path("state/connectors/desk");
        let entries = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                (name, (mode, std::fs::read(entry.path()).unwrap()))
            })
            .collect()
    }
}

/// A command that waits for a person.
struct Command {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
    all: String,
}

impl Command {
    fn of(mut child: Child) -> Self {
        let said = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            said,
            all: String::new(),
        }
    }

    /// The next object it prints.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        self.all.push_str(&line);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Waits for its end; nothing it ever said may be a secret.
    fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let mut complaint = String::new();
        let errors = self.child.stderr.take().unwrap();
        BufReader::new(errors).read_to_string(&mut complaint).unwrap();
        for secret in ["sim-refresh", "sim-code", "sim-device", "eyJ", "canary"] {
            assert!(!self.all.contains(secret), "{}", self.all);
            assert!(!complaint.contains(secret), "{complaint}");
        }
        (status.code(), complaint)
    }
}

fn get(address: &str, target: &str) -> Answer {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(GENEROUS)).unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    Wire(stream).exchange(&request).unwrap()
}

#[test]
fn a_person_signs_in_by_browser_and_only_the_house_can_read_what_is_kept() {
    let world = World::open();
    let mut command = world.begin(&[]);
    let told = command.next();
    let url = told["open"].as_str().unwrap();
    let (_, target) = url.split_once(&format!("http://{}", world.server.addr)).unwrap();
    let back = get(&world.server.addr.to_string(), target);
    assert_eq!(back.status, 302, "{}", back.body);
    let door = format!("127.0.0.1:{}", told["port"]);
    let home = format!("http://localhost:{}", told["port"]);
    let target = back.header("location").unwrap().strip_prefix(&home).unwrap();
    assert_eq!(get(&door, "/?code=forged&state=forged").status, 400);
    let page = get(&door, target);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("You may close this window"), "{}", page.body);

    let told = command.next();
    assert_eq!((&told["connector"], &told["user"]), (&"desk".into(), &ADA.into()));
    assert!(told["expires_at"].is_string(), "{told}");
    assert_eq!(command.end(), (Some(0), String::new()));
    for (name, (mode, content)) in world.kept() {
        assert_eq!(mode, 0o600, "{name}");
        for secret in [ADA, APP, "sim-refresh", "canary"] {
            let found = content
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{secret} in {name}");
        }
    }
    assert!(!world.house.database().exists(), "no store is needed");
}

#[test]
fn a_code_is_typed_on_another_device_and_a_second_sign_in_replaces_the_first() {
    let world = World::open();
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut command = world.begin(&["--device"]);
        let told = command.next();
        let code = told["user_code"].as_str().unwrap();
        assert!(world.entra.sign_in_on_device(code, ADA), "{told}");
        assert_eq!(command.next()["user"], ADA);
        assert_eq!(command.end(), (Some(0), String::new()));
        kept.push(world.kept()["sign-in.sealed"].clone());
    }
    assert_ne!(kept[0], kept[1]);
}

#[test]
fn a_person_who_declines_and_a_place_that_cannot_be_written_end_with_what_to_do() {
    let world = World::open();
    let mut command = world.begin(&["--device"]);
    let code = command.next()["user_code"].as_str().unwrap().to_owned();
    assert!(world.entra.decline_on_device(&code));
    let (code, complaint) = command.end();
    assert_eq!(code, Some(77), "{complaint}");
    assert!(
        complaint.contains("run leadsync authorize desk again"),
        "{complaint}"
    );

    // A file lies where the directory would be.
    std::fs::remove_dir_all(world.house.path("state/connectors")).unwrap();
    std::fs::write(world.house.path("state/connectors"), "").unwrap();
    let asked = world.entra.faults.requests();
    let (code, complaint) = world.begin(&[]).end();
    assert_eq!(code, Some(73), "{complaint}");
    assert_eq!(world.entra.faults.requests(), asked, "nobody is troubled in vain");
}

#[test]
fn nobody_has_to_sign_in_for_a_connector_with_credentials_of_its_own() {
    let destination = Destination::open();
    let house = House::build(&Plan {
        connectors: BTreeMap::from([("crm", destination.connector())]),
        ..Plan::default()
    });
    let output = run(&house, &["authorize", "crm"]);
    assert_eq!(output.status.code(), Some(66));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        complaint,
        "nobody has to sign in for crm: a connector of kind https-endpoint uses the credentials of its config\n"
    );
    let output = run(&house, &["authorize", "crn"]);
    assert_eq!(output.status.code(), Some(66));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("did you mean"), "{complaint}");
}
