//! A daemon's system calls in the order they began and ended, as `strace` saw them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::{BINARY, Daemon, House};

/// The calls that move bytes between senders, the log of the database and the disk.
const CALLS: &str =
    "trace=recvfrom,recvmsg,read,readv,pwrite64,pwritev,fsync,fdatasync,write,writev,sendto,sendmsg";

/// Makes a command that runs the program under `strace`, which writes into the house.
pub(crate) fn traced(house: &House) -> Command {
    let known = Command::new("strace").arg("--version").output();
    assert!(known.is_ok(), "`strace` is not installed: run ./scripts/test");
    let mut command = Command::new("strace");
    house.furnish(&mut command);
    command
        .args(["-f", "-y", "-s", "4200", "--seccomp-bpf", "-e", CALLS, "-o"])
        .arg(house.path("trace"))
        .arg(BINARY);
    command
}

/// A disk that does not come back from a flush: the thread that asked for it hangs, the others go on.
pub(crate) struct HungDisk(Child);

impl HungDisk {
    /// Puts it below a running daemon.
    pub(crate) fn under(daemon: &Daemon) -> Self {
        let mut strace = Command::new("strace")
            .args([
                "-f",
                "-e",
                "trace=fsync,fdatasync",
                "-e",
                "inject=fsync,fdatasync:delay_enter=600000000",
            ])
            .args(["-p", &daemon.pid().as_raw_nonzero().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`strace` is not installed: run ./scripts/test");
        let mut words = BufReader::new(strace.stderr.take().unwrap()).lines();
        let attached = words.next().unwrap().unwrap();
        assert!(attached.contains("attached"), "{attached}");
        // It goes on talking, and must not have to wait for somebody who listens.
        std::thread::spawn(move || words.count());
        Self(strace)
    }

    /// The flush ends, and all others.
    pub(crate) fn answers_again(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// One call of one thread.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// File descriptor and what is behind it.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) result: i64,
    /// Places among all beginnings and ends.
    pub(crate) began: usize,
    pub(crate) ended: usize,
}

/// Every call that ended, in the order of their ends.
pub(crate) fn calls(house: &House) -> Vec<Call> {
    let trace = std::fs::read(house.path("trace")).unwrap();
    let trace = String::from_utf8_lossy(&trace);
    let mut unfinished: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (place, line) in trace.lines().enumerate() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if let Some(begin) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (place, begin));
        } else if let Some((_, end)) = rest.split_once(" resumed>").filter(|_| rest.starts_with("<...")) {
            if let Some((began, begin)) = unfinished.remove(thread) {
                calls.extend(call(&format!("{begin}{end}"), began, place));
            }
        } else {
            calls.extend(call(rest, place, place));
        }
    }
    calls
}

fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    let (_, result) = text.rsplit_once(" = ")?;
    let file = arguments.split([',', ')']).next()?;
    Some(Call {
        name: name.to_owned(),
        file: file.to_owned(),
        text: arguments.to_owned(),
        result: result.split(' ').next()?.parse().ok()?,
        began,
        ended,
    })
}
