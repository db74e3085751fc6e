//! The config in force, kept as it was written, so that an edited one can be held against it.
//!
//! `<state_dir>/applied` looks like the config directory itself: `leadsync.toml`, `connectors.d`,
//! and in `environment.toml` the variables that lay over them. Secrets are named there, never held.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::daemon::Config;
use super::diagnostics::{Diagnostics, Mistake};
use super::load::Loaded;

/// What lies over the files, by variable.
const ENVIRONMENT: &str = "environment.toml";

impl Loaded {
    /// Keeps the texts of this config below its state directory, in place of those kept before.
    ///
    /// Should the process die on any line, the texts of before or the new ones are found whole.
    pub fn keep_applied(&self) -> io::Result<()> {
        let [kept, new, old] = places(&self.config.state_dir);
        fs::create_dir_all(&self.config.state_dir)?;
        remove(&new)?;
        self.write_texts(&new)?;
        // Unless a process died between the two renames: then `old` is all there is.
        if kept.exists() {
            remove(&old)?;
            fs::rename(&kept, &old)?;
        }
        fs::rename(&new, &kept)?;
        remove(&old)
    }

    fn write_texts(&self, directory: &Path) -> io::Result<()> {
        let connectors = directory.join("connectors.d");
        for made in [directory, &connectors] {
            DirBuilder::new().mode(0o700).create(made)?;
        }
        write(&directory.join("leadsync.toml"), self.document.text())?;
        for (name, document) in &self.connector_documents {
            write(&connectors.join(format!("{name}.toml")), document.text())?;
        }
        let environment = toml::to_string(&self.environment).map_err(io::Error::other)?;
        write(&directory.join(ENVIRONMENT), &environment)
    }
}

impl Config {
    /// Where a daemon with this state directory keeps what it applied; none when none has started there yet.
    pub fn applied_in(state_dir: &Path) -> Option<PathBuf> {
        let [kept, _, old] = places(state_dir);
        [kept, old].into_iter().find(|place| place.is_dir())
    }

    /// The config a daemon with this state directory applied last, with the environment it had; none
    /// when no daemon has started there yet.
    ///
    /// A text that this version cannot read any more is a mistake in the kept file.
    pub fn load_applied(state_dir: &Path) -> Result<Option<Loaded>, Diagnostics> {
        let Some(directory) = Self::applied_in(state_dir) else {
            return Ok(None);
        };
        let path = directory.join(ENVIRONMENT);
        let wrong = |why: String| Diagnostics::one(Mistake::of(&path, "", &why));
        let environment: BTreeMap<String, String> = match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
        };
        Self::load(&directory, &environment).map(Some)
    }
}

/// Where the texts are kept, are being written, and are while they are replaced.
fn places(state_dir: &Path) -> [PathBuf; 3] {
    ["applied", "applied.new", "applied.old"].map(|name| state_dir.join(name))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn written(home: &Path, level: &str) -> Loaded {
        let state = home.join("state");
        let main = format!("state_dir = '{}'\n[log]\nlevel = '{level}'\n", state.display());
        let connector = "kind = 'file'\nroles = ['destination']\n";
        fs::create_dir_all(home.join("connectors.d")).unwrap();
        fs::write(home.join("daemon.toml"), main).unwrap();
        fs::write(home.join("connectors.d/crm.toml"), connector).unwrap();
        let mut environment = BTreeMap::from([("LEADSYNC_DEDUPE__BY".into(), "person_and_offer".into())]);
        environment.insert("PASSWORD".into(), "canary".into());
        Config::load(&home.join("daemon.toml"), &environment).unwrap()
    }

    #[test]
    fn what_is_kept_reads_as_what_was_applied_whatever_the_main_file_is_called() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        assert!(Config::load_applied(&state).unwrap().is_none());
        for level in ["warn", "debug"] {
            let loaded = written(home.path(), level);
            loaded.keep_applied().unwrap();
            let kept = Config::load_applied(&state).unwrap().unwrap();
            assert_eq!(kept.config, loaded.config);
            assert_eq!(kept.connectors[0].name, "crm");
            assert_eq!(kept.document.text(), loaded.document.text());
        }
        let left: Vec<_> = fs::read_dir(&state)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["applied"]);
    }

    #[test]
    fn nobody_else_reads_it_and_of_the_environment_only_what_counts_is_kept() {
        let home = tempfile::tempdir().unwrap();
        written(home.path(), "info").keep_applied().unwrap();
        let applied = home.path().join("state/applied");
        let mode = |name: &str| fs::metadata(applied.join(name)).unwrap().permissions().mode() & 0o777;
        let modes = [
            "",
            "connectors.d",
            "leadsync.toml",
            "connectors.d/crm.toml",
            ENVIRONMENT,
        ]
        .map(mode);
        assert_eq!(modes, [0o700, 0o700, 0o600, 0o600, 0o600]);
        let environment = fs::read_to_string(applied.join(ENVIRONMENT)).unwrap();
        assert!(environment.contains("LEADSYNC_DEDUPE__BY"), "{environment}");
        assert!(!environment.contains("canary"), "{environment}");
    }

    #[test]
    fn a_process_that_died_on_any_line_leaves_a_whole_config_and_the_next_one_cleans_up() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let loaded = written(home.path(), "warn");
        loaded.keep_applied().unwrap();
        let [kept, new, old] = places(&state);
        // Half written; then between the two renames.
        fs::create_dir(&new).unwrap();
        fs::write(new.join("leadsync.toml"), "half").unwrap();
        assert_eq!(
            Config::load_applied(&state).unwrap().unwrap().config,
            loaded.config
        );
        fs::rename(&kept, &old).unwrap();
        assert_eq!(
            Config::load_applied(&state).unwrap().unwrap().config,
            loaded.config
        );

        let changed = written(home.path(), "debug");
        changed.keep_applied().unwrap();
        assert_eq!(
            Config::load_applied(&state).unwrap().unwrap().config,
            changed.config
        );
        assert!(!new.exists() && !old.exists());
    }
}
