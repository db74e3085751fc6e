//! A shell in a namespace of its own, where a disk can be small without anybody else noticing.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{BINARY, House};

/// Ends what one command printed.
const END: &str = "--end--";

/// The shell; what it started dies with it.
pub(crate) struct Cell {
    shell: Child,
    orders: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
}

impl Cell {
    /// Opens one with a disk of `size` where the house keeps its state.
    pub(crate) fn with_small_disk(house: &House, size: &str) -> Self {
        let mut cell = Self::open(house);
        let mounted = cell.run(&format!(
            "mount -t tmpfs -o size={size} none state && echo mounted"
        ));
        assert_eq!(
            mounted, "mounted",
            "user namespaces are needed: run ./scripts/test"
        );
        cell
    }

    /// Opens one in the house, with the machine's disks.
    pub(crate) fn open(house: &House) -> Self {
        let mut command = Command::new("unshare");
        house.furnish(&mut command);
        let mut shell = command
            .args(["-Urm", "sh"])
            .current_dir(house.path(""))
            .env("LEADSYNC", BINARY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`unshare` of util-linux is needed: run ./scripts/test");
        Self {
            orders: shell.stdin.take().unwrap(),
            words: BufReader::new(shell.stdout.take().unwrap()).lines(),
            shell,
        }
    }

    /// Runs a line of shell; gives what it printed.
    pub(crate) fn run(&mut self, line: &str) -> String {
        writeln!(self.orders, "{line}\necho; echo {END}").unwrap();
        let mut printed = Vec::new();
        for word in self.words.by_ref() {
            let word = word.unwrap();
            if word == END {
                break;
            }
            printed.push(word);
        }
        printed.join("\n").trim().to_owned()
    }

    /// Starts the daemon inside.
    pub(crate) fn start_daemon(&mut self) {
        self.run("\"$LEADSYNC\" run 2>>log >/dev/null & daemon=$!");
    }

    /// Tells the daemon to stop; gives its exit code.
    pub(crate) fn stop_daemon(&mut self) -> String {
        self.run("kill -TERM $daemon; wait $daemon; echo $?")
    }

    /// What a command prints as JSON.
    pub(crate) fn ask(&mut self, arguments: &str) -> serde_json::Value {
        let printed = self.run(&format!("\"$LEADSYNC\" --json {arguments}"));
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("no JSON: {printed}"))
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let _ = writeln!(self.orders, "kill -9 $daemon $journal 2>/dev/null; exit");
        let _ = self.shell.wait();
    }
}
