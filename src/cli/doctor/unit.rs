//! The service's unit and its drop-ins, as they lie on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of the unit.
const NAME: &str = "leadsync.service";

/// The link that lets the socket unit hold the public address: every package ships the unit, few enable it.
const SOCKET: &str = "sockets.target.wants/leadsync.socket";

/// Where systemd looks, the first that has a file wins; `SYSTEMD_UNIT_PATH` stands above, as for systemd itself.
const PLACES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The unit in force.
pub(super) struct Unit {
    /// The file.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
    /// Whether a socket unit holds the public address for the service.
    pub(super) has_socket: bool,
    /// The texts of its drop-ins, in the order in which they are read.
    drop_ins: Vec<String>,
}

/// How the service comes by a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// Not at all.
    Not,
    /// From this file.
    From(PathBuf),
    /// In a way only systemd can look into: sealed, or written in the unit.
    Unseen,
}

impl Unit {
    /// Finds it; none where the service is not installed.
    pub(super) fn find(env: &BTreeMap<String, String>) -> Option<Self> {
        let places: Vec<PathBuf> = match env.get("SYSTEMD_UNIT_PATH") {
            Some(path) => path
                .split(':')
                .filter(|place| !place.is_empty())
                .map(PathBuf::from)
                .collect(),
            None => PLACES.map(PathBuf::from).to_vec(),
        };
        let path = places
            .iter()
            .map(|place| place.join(NAME))
            .find(|path| path.is_file())?;
        let text = std::fs::read_to_string(&path).ok()?;
        Some(Self {
            has_socket: places
                .iter()
                .any(|place| place.join(SOCKET).symlink_metadata().is_ok()),
            path,
            text,
            drop_ins: drop_ins(&places),
        })
    }

    /// Every value of a setting; an empty one takes back those before it.
    pub(super) fn values(&self, setting: &str) -> Vec<&str> {
        let mut values = Vec::new();
        let texts = std::iter::once(&self.text).chain(&self.drop_ins);
        for line in texts.flat_map(|text| text.lines()) {
            match line.trim().split_once('=') {
                Some((name, "")) if name.trim() == setting => values.clear(),
                Some((name, value)) if name.trim() == setting => values.push(value.trim()),
                _ => {}
            }
        }
        values
    }

    /// How the service comes by a credential.
    pub(super) fn loads(&self, credential: &str) -> Handed {
        for setting in ["LoadCredential", "LoadCredentialEncrypted"] {
            for value in self.values(setting) {
                let (name, source) = value.split_once(':').unwrap_or((value, ""));
                if name == credential {
                    let plain = setting == "LoadCredential" && source.starts_with('/');
                    return if plain {
                        Handed::From(PathBuf::from(source))
                    } else {
                        Handed::Unseen
                    };
                }
            }
        }
        let set = ["SetCredential", "SetCredentialEncrypted"]
            .map(|setting| self.values(setting))
            .concat();
        let imported = self.values("ImportCredential");
        let is_set = set
            .iter()
            .any(|value| value.split(':').next() == Some(credential));
        let is_imported = imported.iter().any(|glob| match glob.split_once('*') {
            Some((head, tail)) => credential.starts_with(head) && credential.ends_with(tail),
            None => *glob == credential,
        });
        if is_set || is_imported {
            Handed::Unseen
        } else {
            Handed::Not
        }
    }
}

/// Of drop-ins with the same name the first place wins; they are read by name.
fn drop_ins(places: &[PathBuf]) -> Vec<String> {
    let mut found: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for place in places {
        for path in confs(&place.join(format!("{NAME}.d"))) {
            if let Some(name) = path.file_name() {
                found.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    let texts = found
        .values()
        .filter_map(|path| std::fs::read_to_string(path).ok());
    texts.collect()
}

fn confs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str, drop_in: &str) -> Unit {
        Unit {
            path: PathBuf::from("leadsync.service"),
            text: text.to_owned(),
            has_socket: false,
            drop_ins: vec![drop_in.to_owned()],
        }
    }

    #[test]
    fn drop_ins_add_to_the_unit_and_an_empty_value_begins_anew() {
        let unit = unit(
            "[Service]\nLoadCredential=a:/x/a\nLogRateLimitBurst=9\n",
            "[Service]\nLoadCredential=b:/x/b\nLogRateLimitBurst=\n",
        );
        assert_eq!(unit.values("LoadCredential"), ["a:/x/a", "b:/x/b"]);
        assert!(unit.values("LogRateLimitBurst").is_empty());
        assert_eq!(unit.loads("b"), Handed::From(PathBuf::from("/x/b")));
        assert_eq!(unit.loads("c"), Handed::Not);
    }

    #[test]
    fn a_socket_unit_that_is_only_there_holds_nothing() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let env = BTreeMap::from([("SYSTEMD_UNIT_PATH".to_owned(), place.path().display().to_string())]);
        let has_socket = || Unit::find(&env).unwrap().has_socket;
        for unit in [NAME, "leadsync.socket"] {
            std::fs::write(at(unit), "").unwrap();
        }
        assert!(!has_socket());
        std::fs::create_dir(at("sockets.target.wants")).unwrap();
        std::os::unix::fs::symlink(at("leadsync.socket"), at(SOCKET)).unwrap();
        assert!(has_socket());
    }

    #[test]
    fn credentials_come_by_four_more_ways() {
        let unit = unit(
            "LoadCredentialEncrypted=a:/x/a\nSetCredential=b:secret\nSetCredentialEncrypted=c:..\n",
            "ImportCredential=leadsync.*\n",
        );
        for name in ["a", "b", "c", "leadsync.tls"] {
            assert_eq!(unit.loads(name), Handed::Unseen, "{name}");
        }
        assert_eq!(unit.loads("leadsync"), Handed::Not);
    }
}
