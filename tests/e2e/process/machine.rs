//! A clean Debian system with a systemd of its own, to install packages in and to run the service.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use super::{BINARY, SECRET, address_of_our_own, eventually, lead_path};

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// What to boot.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Suite {
    /// systemd 252, the oldest the unit is for.
    Bookworm,
    /// systemd 257.
    Trixie,
}

/// The system; everything in it is gone with this.
pub(crate) struct Machine {
    keeper: Child,
    /// Keeps it alive.
    open: Option<ChildStdin>,
    /// Its first process, as seen from here.
    first: String,
    /// Where leads are posted to, once the package is configured: the network is the one of the tests.
    pub(crate) public: SocketAddr,
}

/// Administrators only may boot.
fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("-n").arg(program);
    command
}

impl Machine {
    /// Boots it, with the packages at /shared.
    pub(crate) fn boot(suite: Suite) -> Self {
        Self::boot_with(suite, &[])
    }

    /// Boots it in a network of its own, where these addresses are on the machine itself, and nothing is outside.
    pub(crate) fn boot_alone(suite: Suite, addresses: &[&str]) -> Self {
        Self::boot_with(suite, addresses)
    }

    fn boot_with(suite: Suite, addresses: &[&str]) -> Self {
        let tree = match suite {
            Suite::Bookworm => "target/machine/bookworm",
            Suite::Trixie => "target/machine/trixie",
        };
        let tree = Path::new(REPOSITORY).join(tree);
        assert!(
            tree.exists(),
            "{} is not there: run ./scripts/test",
            tree.display()
        );
        let mut keeper = as_root(Path::new(REPOSITORY).join("tests/machine/boot"))
            .arg(tree)
            .arg(packages())
            .args(addresses)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut words = BufReader::new(keeper.stdout.take().unwrap());
        words.read_line(&mut first).unwrap();
        assert!(
            !first.is_empty(),
            "root, or sudo without a password, is needed to boot"
        );
        let machine = Self {
            open: keeper.stdin.take(),
            keeper,
            first: first.trim().to_owned(),
            public: address_of_our_own(),
        };
        eventually("a booted system", || {
            let state = machine.run(&["systemctl", "is-system-running"]);
            let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
            // No module of the kernel is to be had in here, which some systems complain of.
            ["running", "degraded"].contains(&&*state).then_some(())
        });
        machine
    }

    /// Runs a command in it.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        as_root("nsenter")
            .args(["--target", &self.first, "--all", "--root", "--wd", "--"])
            .args([
                "env",
                "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL=C.UTF-8",
            ])
            .args(words)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs lines of shell that must succeed; gives what they printed.
    #[track_caller]
    pub(crate) fn sh(&self, lines: &str) -> String {
        let output = self.run(&["bash", "-euo", "pipefail", "-c", lines]);
        let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{lines}\n{printed}\n{complaint}\n{}",
            self.journal()
        );
        printed
    }

    /// Runs lines of shell that must fail; gives all they said.
    #[track_caller]
    pub(crate) fn fails(&self, lines: &str) -> String {
        let output = self.run(&["bash", "-euo", "pipefail", "-c", lines]);
        let both = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&both).into_owned();
        assert!(!output.status.success(), "{lines}\n{said}");
        said
    }

    /// Writes a file.
    #[track_caller]
    pub(crate) fn write(&self, path: &str, text: &str) {
        let directory = Path::new(path).parent().unwrap().display();
        self.sh(&format!(
            "mkdir -p {directory}\ncat > {path} <<'END-OF-FILE'\n{text}\nEND-OF-FILE"
        ));
    }

    /// Installs the package and does what the guide says: a source with a secret, an archive, a credential.
    #[track_caller]
    pub(crate) fn set_up(&self) {
        self.sh("dpkg -i /shared/leadsync_0*.deb");
        self.write(
            "/etc/leadsync/leadsync.toml",
            &format!(
                "forward_test_leads = true\n[listen]\npublic = \"{}\"\n\
                 [sources.web]\nsecrets = [{{ credential = \"marketplace\" }}]",
                self.public
            ),
        );
        self.write(
            "/etc/leadsync/connectors.d/archive.toml",
            "kind = \"file\"\nroles = [\"destination\"]\n[settings]\npath = \"/var/lib/leadsync/leads.jsonl\"",
        );
        self.write("/etc/leadsync/credentials/marketplace", SECRET);
        self.sh("chmod 0400 /etc/leadsync/credentials/marketplace");
        self.edit(
            "leadsync.socket",
            &format!("[Socket]\nListenStream=\nListenStream={}", self.public),
        );
        self.drop_in("credentials");
    }

    /// Lets the service have one of the drop-ins that come with the package.
    #[track_caller]
    pub(crate) fn drop_in(&self, name: &str) {
        self.sh(&format!(
            "install -D -m 0644 -t /etc/systemd/system/leadsync.service.d /usr/share/leadsync/drop-ins/{name}.conf
             systemctl daemon-reload"
        ));
    }

    /// Lets a unit have lines of its own.
    #[track_caller]
    pub(crate) fn edit(&self, unit: &str, lines: &str) {
        self.write(&format!("/etc/systemd/system/{unit}.d/own.conf"), lines);
        self.sh("systemctl daemon-reload");
    }

    /// Posts a test lead as the operator does.
    #[track_caller]
    pub(crate) fn send_test(&self) -> String {
        self.sh(&format!(
            "leadsync send-test http://{}{}",
            self.public,
            lead_path()
        ))
    }

    /// What the service and the manager said of it.
    pub(crate) fn journal(&self) -> String {
        let output = self.run(&["journalctl", "--no-pager", "--quiet", "--boot", "-n", "60"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A property of the service, as the manager knows it.
    #[track_caller]
    pub(crate) fn property(&self, name: &str) -> String {
        self.sh(&format!(
            "systemctl show --value --property={name} leadsync.service"
        ))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.open.take());
        // It tidies up before it goes.
        let _ = self.keeper.wait();
    }
}

/// The packages of the program under test, of this version and of a later one; made when they are missing or old.
fn packages() -> PathBuf {
    let place = Path::new(REPOSITORY).join("target/package");
    std::fs::create_dir_all(&place).unwrap();
    let lock = File::create(place.join("tests.lock")).unwrap();
    flock(lock.as_fd(), FlockOperation::LockExclusive).unwrap();
    let stamp = place.join("tests.stamp");
    let made = std::fs::metadata(&stamp).and_then(|stamp| stamp.modified()).ok();
    let parts = PACKED.map(|part| newest(&Path::new(REPOSITORY).join(part)));
    if made < parts.into_iter().chain([newest(Path::new(BINARY))]).max() {
        for version in [&[][..], &["--version", LATER]] {
            let output = Command::new(Path::new(REPOSITORY).join("scripts/package"))
                .arg("--debug")
                .args(version)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "scripts/package: {complaint}");
        }
        File::create(stamp).unwrap();
    }
    place
}

/// What the packages are made of, beside the program.
const PACKED: [&str; 11] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.toml",
    "README.md",
    "config",
    "connectors",
    "docs",
    "monitoring",
    "packaging",
    "scripts/package",
    "systemd",
];

/// When a file, or one below a directory, was changed last.
fn newest(path: &Path) -> SystemTime {
    let own = std::fs::metadata(path).unwrap().modified().unwrap();
    let Ok(below) = std::fs::read_dir(path) else {
        return own;
    };
    below
        .map(|entry| newest(&entry.unwrap().path()))
        .chain([own])
        .max()
        .unwrap()
}

/// The version of the later package.
pub(crate) const LATER: &str = "9.9.9";
