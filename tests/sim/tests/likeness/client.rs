//! A client in a process of its own, and what it tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What each step of a client came to.
pub(crate) struct Steps(BTreeMap<String, Value>);

impl Steps {
    /// What this step told.
    pub(crate) fn told(&self, step: &str) -> &Value {
        self.0
            .get(step)
            .unwrap_or_else(|| panic!("no step {step:?} among {:?}", self.0.keys()))
    }
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A program of `./scripts/likeness`, by its path below the root.
pub(crate) fn program(path: &str) -> PathBuf {
    let program = root().join(path);
    assert!(
        program.exists(),
        "{path} is missing: install it with  ./scripts/likeness"
    );
    program
}

/// Runs a client to its end. Each line it prints is a step, `{"step":..,"told":..}`.
pub(crate) async fn run(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Steps {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    command.envs(environment.iter().copied());
    // Whatever proxy this machine has, the simulator is not behind it.
    for proxy in [
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ] {
        command.env_remove(proxy);
    }
    // The simulator answers meanwhile.
    let ended = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let (printed, complaints) = (
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr),
    );
    assert!(
        ended.status.success(),
        "the client gave up after\n{printed}\n{complaints}"
    );
    let steps = printed.lines().map(|line| {
        let mut step: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no step: {line}"));
        (step["step"].as_str().unwrap().to_owned(), step["told"].take())
    });
    Steps(steps.collect())
}
