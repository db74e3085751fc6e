//! A command at a terminal, with somebody who waits for a question before answering it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use super::BINARY;

/// The command; `script` of bsdutils holds the other end of its terminal.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl Terminal {
    /// Starts `leadsync` with these arguments and this config.
    pub(crate) fn open(config: &Path, arguments: &str) -> Self {
        let mut command = Command::new("script");
        let line = format!("exec {BINARY} {arguments}");
        let mut child = command
            .args(["-qefc", &line, "/dev/null"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SHELL", "/bin/sh")
            .env("LEADSYNC_CONFIG", config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            keys: child.stdin.take().unwrap(),
            screen: child.stdout.take().unwrap(),
            child,
            shown: String::new(),
        }
    }

    /// Waits until something stands on the screen that was not asked for before, and answers it.
    #[track_caller]
    pub(crate) fn answer(&mut self, question: &str, keys: &str) {
        let mut byte = [0];
        while !self.shown.ends_with(question) {
            let read = self.screen.read(&mut byte).unwrap();
            assert_eq!(read, 1, "it ended before {question:?}: {}", self.shown);
            self.shown.push(char::from(byte[0]));
        }
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end; gives what was shown until then.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut rest = Vec::new();
        self.screen.read_to_end(&mut rest).unwrap();
        self.shown += &String::from_utf8_lossy(&rest);
        drop(self.keys);
        (self.child.wait().unwrap(), self.shown)
    }
}
