//! A real journald for one house, where no other process of the machine sees it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::{Cell, House, eventually};

/// `/run` of the house stands in place of the machine's; what is written there is seen from outside.
/// It takes whatever comes: how much the daemon tells is looked at elsewhere.
const OPEN: &str = "mkdir -p run/systemd/journal run/systemd/journald.conf.d run/log/journal && \
                    printf '[Journal]\\nRateLimitIntervalSec=0\\n' >run/systemd/journald.conf.d/all.conf && \
                    mount --bind run /run && echo mounted";
const START: &str = "/lib/systemd/systemd-journald 2>>journald.err & journal=$!";

/// The journal, and the shell in which it and the daemon live.
pub(crate) struct Journal {
    pub(crate) cell: Cell,
    folder: PathBuf,
}

impl Journal {
    /// Starts a journald.
    pub(crate) fn open(house: &House) -> Self {
        let mut cell = Cell::open(house);
        assert_eq!(
            cell.run(OPEN),
            "mounted",
            "user namespaces are needed: run ./scripts/test"
        );
        let mut journal = Self {
            cell,
            folder: house.path("run/log/journal"),
        };
        journal.start();
        journal
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(&mut self) {
        self.cell.run(START);
        let cell = &mut self.cell;
        eventually("a journald that listens", || {
            let heard = cell.run("systemd-cat -t knock echo knock && journalctl -q -t knock -n 1 -o cat");
            (heard == "knock").then_some(())
        });
    }

    /// Ends it; nobody listens then.
    pub(crate) fn end(&mut self) {
        self.cell
            .run("kill -9 $journal; wait $journal; rm -f /run/systemd/journal/socket");
    }

    /// Starts the daemon as systemd would: its standard error leads into the journal, and it is told.
    pub(crate) fn start_daemon(&mut self) {
        self.cell.run(
            "systemd-cat -t leadsync sh -c 'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); \
             exec \"$LEADSYNC\" run --log-format auto' & daemon=$!",
        );
    }

    /// Makes a command read this journal, whatever it types.
    pub(crate) fn adopt(&self, house: &House, command: &mut Command) {
        let folder = house.path("reader");
        std::fs::create_dir_all(&folder).unwrap();
        let reader = folder.join("journalctl");
        let text = format!(
            "#!/bin/sh\nexec /usr/bin/journalctl --quiet --no-pager --directory={} \"$@\"\n",
            self.folder.display()
        );
        std::fs::write(&reader, text).unwrap();
        let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        std::fs::set_permissions(&reader, mode).unwrap();
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    }

    /// Everything anybody wrote into it, fields and all.
    pub(crate) fn everything(&self) -> String {
        let output = Command::new("journalctl")
            .args(["--quiet", "--no-pager", "-o", "export", "--all"])
            .arg(format!("--directory={}", self.folder.display()))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Every entry the daemon made that has these fields.
    pub(crate) fn entries(&self, matches: &[&str]) -> Vec<Value> {
        let output = Command::new("journalctl")
            .args(["--quiet", "--no-pager", "-o", "json", "-t", "leadsync"])
            .arg(format!("--directory={}", self.folder.display()))
            .args(matches)
            .output()
            .expect("`journalctl` is not installed: run ./scripts/test");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits for an entry of this event.
    #[track_caller]
    pub(crate) fn await_event(&self, event: &str) -> Value {
        let wanted = format!("EVENT={event}");
        eventually(event, || self.entries(&[&wanted]).into_iter().next())
    }
}
