//! A directory with everything one daemon needs, and the ways to ask about it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, Daemon, GENEROUS, Ledger, Wire, until_none_left};

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_leadsync");

/// The secret in the intake URL.
pub(crate) const SECRET: &str = "canary-secret-0123456789abcdef";

/// The path leads are posted to.
pub(crate) fn lead_path() -> String {
    format!("/v1/leads/web/{SECRET}")
}

/// What is special about a house; nothing by default.
#[derive(Default)]
pub(crate) struct Plan {
    /// More lines of `[listen]`.
    pub(crate) listen: String,
    /// Lines of `[intake]`.
    pub(crate) intake: &'static str,
    /// Lines of `[store]`.
    pub(crate) store: &'static str,
    /// Lines of `[clocks]`.
    pub(crate) clocks: &'static str,
    /// `log.level`; `info` when empty.
    pub(crate) level: &'static str,
    /// Where the source's secret is found; a file when empty.
    pub(crate) secret: &'static str,
    /// Files of `connectors.d`, by name.
    pub(crate) connectors: BTreeMap<&'static str, String>,
}

/// A daemon's config, state, sockets and log.
pub(crate) struct House {
    dir: TempDir,
    /// Where leads are posted to.
    pub(crate) public: SocketAddr,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::build(&Plan::default())
    }

    pub(crate) fn build(plan: &Plan) -> Self {
        let house = Self {
            dir: tempfile::Builder::new().prefix("leadsync-").tempdir().unwrap(),
            public: address_of_our_own(),
        };
        std::fs::create_dir_all(house.path("connectors.d")).unwrap();
        std::fs::create_dir_all(house.path("state")).unwrap();
        std::fs::set_permissions(house.path("state"), std::fs::Permissions::from_mode(0o700)).unwrap();
        house.write_secret("web.secret", SECRET);
        std::fs::write(house.path("leadsync.toml"), house.config(plan)).unwrap();
        for (name, text) in &plan.connectors {
            house.add_connector(name, text);
        }
        house
    }

    /// Writes a file into `connectors.d`.
    pub(crate) fn add_connector(&self, name: &str, text: &str) {
        std::fs::write(self.path(&format!("connectors.d/{name}.toml")), text).unwrap();
    }

    fn config(&self, plan: &Plan) -> String {
        let dir = self.dir.path().display();
        let or = |word: &'static str, usual: String| if word.is_empty() { usual } else { word.to_owned() };
        format!(
            "state_dir = \"{dir}/state\"\n\
             [listen]\npublic = \"{}\"\nadmin = \"unix:{dir}/admin.sock\"\n{}\n\
             [sources.web]\nsecrets = [{}]\n\
             [intake]\nrate_per_address = \"off\"\nmax_connections_per_address = 512\n{}\n\
             [store]\n{}\n[dedupe]\n[clocks]\n{}\n[log]\nlevel = \"{}\"\nformat = \"json\"\n",
            self.public,
            plan.listen,
            or(plan.secret, format!("{{ file = \"{dir}/web.secret\" }}")),
            plan.intake,
            plan.store,
            plan.clocks,
            or(plan.level, "info".to_owned()),
        )
    }

    /// Puts sections behind those of the config.
    pub(crate) fn add_settings(&self, sections: &str) {
        let path = self.path("leadsync.toml");
        std::fs::write(&path, format!("{}\n{sections}", read(&path))).unwrap();
    }

    /// From its next start on the daemon tells everything.
    pub(crate) fn speak_up(&self) {
        let path = self.path("leadsync.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, config.replace("level = \"info\"", "level = \"debug\"")).unwrap();
    }

    /// Something in the house.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file only its owner reads.
    pub(crate) fn write_secret(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path("state/leadsync.db")
    }

    /// The program with this house as its config, without anything of our own environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(BINARY);
        self.furnish(&mut command);
        command
    }

    /// The program with a socket handed to it the way a service manager does: descriptor 3, and the number of the
    /// process it is meant for.
    pub(crate) fn command_on(&self, socket: &TcpListener) -> Command {
        self.command_on_many(socket, 1)
    }

    /// The same with the socket handed over so many times.
    pub(crate) fn command_on_many(&self, socket: &TcpListener, times: usize) -> Command {
        let handed: Vec<String> = (3..3 + times).map(|number| format!("{number}<&0")).collect();
        let (handed, names) = (handed.join(" "), vec!["public"; times].join(":"));
        let hand_over = format!(
            "exec {handed} </dev/null; export LISTEN_PID=$$ LISTEN_FDS={times} LISTEN_FDNAMES={names}; exec \"$@\""
        );
        let mut command = Command::new("sh");
        self.furnish(&mut command);
        command.args(["-c", &hand_over, "sh", BINARY]);
        command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
        command
    }

    /// Gives a command the environment of the house.
    pub(crate) fn furnish(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LEADSYNC_CONFIG", self.dir.path())
            .stdin(Stdio::null());
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; gives what it printed as JSON.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Asks the running daemon over its admin socket; nothing when nobody answers.
    pub(crate) fn admin(&self, path: &str) -> Option<Answer> {
        let stream = UnixStream::connect(self.path("admin.sock")).ok()?;
        stream.set_read_timeout(Some(GENEROUS)).ok()?;
        Wire(stream)
            .exchange(&format!("GET {path} HTTP/1.1\r\nHost: leadsync\r\n\r\n"))
            .ok()
    }

    /// Sends one request to the public listener, on a connection of its own.
    pub(crate) fn send(&self, request: &str) -> std::io::Result<Answer> {
        let stream = std::net::TcpStream::connect(self.public)?;
        stream.set_read_timeout(Some(GENEROUS))?;
        Wire(stream).exchange(request)
    }

    /// Every line the daemons of this house wrote, whatever they ended of.
    pub(crate) fn log(&self) -> String {
        read(&self.path("log"))
    }

    /// Lets a daemon understand and deliver all that waits, and ends it.
    #[track_caller]
    pub(crate) fn work_off(&self) {
        let mut daemon = Daemon::start(self);
        self.await_quiet();
        daemon.stop();
    }

    /// Waits until the running daemon has nothing left to do.
    #[track_caller]
    pub(crate) fn await_quiet(&self) {
        until_none_left("a daemon with nothing left to do", || {
            undone(&self.ask(&["status"]))
        });
    }

    /// Leads in the store by e-mail address; each address must belong to one lead.
    pub(crate) fn stored(&self) -> BTreeMap<String, Value> {
        by_email(self.ask(&["leads", "--limit", "10000000"]))
    }

    /// Leads somebody was told are kept, and that are not.
    pub(crate) fn misses(&self, ledger: &Ledger) -> Vec<String> {
        let stored = self.stored();
        let kept = ledger.emails().into_iter();
        kept.filter(|email| !stored.contains_key(email)).collect()
    }
}

/// Whether all is understood and delivered, as `leadsync status --json` tells.
pub(crate) fn is_quiet(status: &Value) -> bool {
    undone(status) == 0
}

/// What waits to be understood or delivered.
fn undone(status: &Value) -> u64 {
    let count = |count: &Value| count.as_u64().unwrap();
    count(&status["unsettled"]) + count(&status["deliveries"]["pending"])
}

/// Leads as `leadsync leads --json` prints them, by e-mail address.
pub(crate) fn by_email(leads: Value) -> BTreeMap<String, Value> {
    let Value::Array(leads) = leads else {
        panic!("leads are no list: {leads}");
    };
    let mut found = BTreeMap::new();
    for lead in leads {
        let email = lead["lead"]["person"]["email"]["v"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let twin = found.insert(email, lead);
        assert!(twin.is_none(), "two leads of one person: {twin:?}");
    }
    found
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// A loopback address no other process of the tests uses, and no outgoing connection takes.
pub(crate) fn address_of_our_own() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 | (high & 63), middle, low);
    SocketAddr::from((host, NEXT.fetch_add(1, Ordering::Relaxed)))
}
