//! A machine that is made for one page: this one, as far as it is read, and nobody's, as far as it is written.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::page::{Block, Page};
use crate::process::{BINARY, GENEROUS};

/// How long a command that does not end by itself is watched, in seconds.
const A_MOMENT: &str = "2";

/// A shell goes on where the last one left off; it stops at the first command that fails.
const RESUME: &str = "touch /tmp/shell; . /tmp/shell; set -eua -o pipefail";
/// What the next shell has to know.
const KEEP: &str = "{ export -p; printf 'cd %q\\n' \"$PWD\"; } >/tmp/shell";

/// The machine; the process of the test stands outside, in the machine's network.
pub(super) struct Machine {
    root: PathBuf,
    /// Folder of the stand-ins, seen from inside as well.
    stand_ins: PathBuf,
}

impl Machine {
    /// Moves in: the program is on the path, the stand-ins come before what they stand for.
    pub(super) fn settle(root: &Path) -> Self {
        let machine = Self {
            root: root.to_owned(),
            stand_ins: super::folder().join("stand-ins"),
        };
        let repository = machine.inside("/root/leadsync");
        std::fs::create_dir_all(&repository).unwrap();
        let copy = "cd \"$1\" && cp -a README.md docs config systemd scripts connectors \"$2\"";
        machine.outside(copy, &[env!("CARGO_MANIFEST_DIR"), repository.to_str().unwrap()]);
        machine
    }

    /// A place in the machine, seen from outside.
    pub(super) fn inside(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Runs the program of a world, which prepares what the page's reader has already.
    pub(super) fn prepare(&self, world: &str) {
        let script = super::folder().join(format!("worlds/{world}.sh"));
        let text =
            std::fs::read_to_string(&script).unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        let done = self.shell(&text);
        assert!(done.status.success(), "world {world}: {}", told(&done));
    }

    /// Follows a page from its beginning to its end; what went wrong, by line.
    pub(super) fn follow(&self, page: &Page) -> Vec<String> {
        let mut wrong = Vec::new();
        for block in &page.blocks {
            if let Some(file) = &block.file {
                self.write(file, &block.text);
            } else if block.language == "sh" && block.not_run.is_none() {
                wrong.extend(self.type_in(block).err());
            }
        }
        wrong
    }

    fn write(&self, file: &str, text: &str) {
        let place = self.inside(file);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    fn type_in(&self, block: &Block) -> Result<(), String> {
        for deed in &block.deeds {
            let done = self.shell(deed);
            if !done.status.success() {
                return Err(format!("line {}: {deed}: {}", block.line, told(&done)));
            }
        }
        let mut text = block.text.clone();
        for (name, expression) in &block.words {
            let word = self.shell(&format!("printf %s \"{expression}\""));
            let word = String::from_utf8_lossy(&word.stdout).into_owned();
            if word.trim().is_empty() {
                return Err(format!("line {}: {name} = {expression} is empty", block.line));
            }
            text = instead(&text, name, &word);
        }
        let done = if block.runs_on {
            self.watch(&text)
        } else {
            self.shell_typing(&text, &block.typed)
        };
        let expected = if block.runs_on { 124 } else { block.exits };
        if done.status.code() == Some(expected) {
            return Ok(());
        }
        Err(format!(
            "line {}: ended with {} instead of {expected}\n{text}{}",
            block.line,
            done.status,
            told(&done)
        ))
    }

    /// Runs lines of shell; where the shell stands afterwards and what it exported holds for the next ones.
    fn shell(&self, text: &str) -> Output {
        self.shell_typing(text, "")
    }

    fn shell_typing(&self, text: &str, typed: &str) -> Output {
        self.run(&["bash", "-c", &format!("{RESUME}\n{text}\n{KEEP}")], typed)
    }

    /// Runs a command that does not end by itself, for a moment; ends with 124.
    fn watch(&self, text: &str) -> Output {
        let command = format!("{RESUME}\n{text}");
        self.run(&["timeout", "--signal=INT", A_MOMENT, "bash", "-c", &command], "")
    }

    fn run(&self, command: &[&str], typed: &str) -> Output {
        let (said, complained) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let path = std::env::var("PATH").unwrap_or_default();
        let mut child = Command::new("chroot");
        child
            .arg(&self.root)
            .args(["timeout", &GENEROUS.as_secs().to_string()])
            .args(command)
            .current_dir("/")
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:{path}", self.stand_ins.display()))
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .env("REHEARSED_BINARY", BINARY)
            .env("REHEARSAL_STAND_INS", &self.stand_ins)
            .stdin(Stdio::piped())
            // Files, not pipes: what is started in the background must not keep a reader waiting.
            .stdout(said.try_clone().unwrap())
            .stderr(complained.try_clone().unwrap())
            .process_group(0);
        let mut child = child.spawn().unwrap();
        let mut keyboard = child.stdin.take().unwrap();
        // Whoever reads nothing may be gone already.
        let _ = keyboard.write_all(typed.as_bytes());
        drop(keyboard);
        let status = child.wait().unwrap();
        Output {
            status,
            stdout: all_of(said),
            stderr: all_of(complained),
        }
    }

    fn outside(&self, text: &str, arguments: &[&str]) {
        let done = Command::new("bash")
            .args(["-euc", text, "outside"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}: {}", self.root.display(), told(&done));
    }
}

fn all_of(mut file: File) -> Vec<u8> {
    let mut text = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut text).unwrap();
    text
}

/// What a command said, both ways.
fn told(done: &Output) -> String {
    [&done.stdout, &done.stderr]
        .map(|words| String::from_utf8_lossy(words).into_owned())
        .concat()
}

/// The text with a whole word in place of another.
fn instead(text: &str, name: &str, word: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, behind) = (&rest[..at], &rest[at + name.len()..]);
        let whole = !is_part(before.chars().last()) && !is_part(behind.chars().next());
        made.extend([before, if whole { word } else { name }]);
        rest = behind;
    }
    made + rest
}

#[test]
fn whole_words_alone_are_replaced() {
    assert_eq!(
        instead("show LEAD; LEADS; --LEAD (LEAD)", "LEAD", "7"),
        "show 7; LEADS; --LEAD (7)"
    );
}
