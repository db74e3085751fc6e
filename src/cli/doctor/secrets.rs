//! Whether every secret the config names is there, private, and written as it was meant.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use connector_kit::secret::SecretRef;
use connector_kit::{Check, Health};

use super::machine::Machine;
use super::unit::Handed;

const NAME: &str = "secrets";

/// A place of the config that names a secret.
pub(super) struct Named {
    /// The connector's name; none in the main file.
    pub(super) connector: Option<String>,
    /// The dotted key.
    pub(super) key: String,
    /// Where the secret is kept.
    pub(super) place: SecretRef,
}

/// What was found, and the connectors that cannot be built for want of a secret.
pub(super) struct Found {
    pub(super) checks: Vec<Check>,
    pub(super) without: Vec<String>,
}

/// Looks at all of them; one line when nothing is wrong.
pub(super) fn look(machine: &Machine<'_>) -> Found {
    let named = machine.secrets();
    let mut checks = Vec::new();
    let mut without = Vec::new();
    let mut unread = Vec::new();
    for secret in &named {
        let Some(check) = judge(machine, secret) else {
            continue;
        };
        if check.health == Health::Ill {
            without.extend(secret.connector.clone());
            unread.push(secret.key.clone());
        }
        checks.push(check);
    }
    checks.extend(weak(machine, &unread));
    if checks.is_empty() {
        let found = match named.len() {
            0 => "the config names none".to_owned(),
            1 => "the one the config names is there, and not for everybody".to_owned(),
            many => format!("all {many} the config names are there, and not for everybody"),
        };
        checks.push(Check::well(NAME, found));
    }
    Found { checks, without }
}

/// Secrets of sources that are too short, or shared.
fn weak(machine: &Machine<'_>, unread: &[String]) -> Vec<Check> {
    let reader = machine.loaded.with_credentials_beside(&machine.outside.secrets);
    let Err(wrong) = machine.loaded.source_secrets(&reader) else {
        return Vec::new();
    };
    let others = wrong
        .mistakes()
        .iter()
        .filter(|mistake| !unread.contains(&mistake.key));
    others
        .map(|mistake| {
            let remedy = "make a new one (head -c 24 /dev/urandom | basenc --base64url), and tell Microsoft the new address";
            Check::ill(NAME, mistake.to_string(), remedy)
        })
        .collect()
}

/// What is wrong with one.
fn judge(machine: &Machine<'_>, secret: &Named) -> Option<Check> {
    let whose = secret
        .connector
        .as_ref()
        .map_or_else(String::new, |name| format!("{name}: "));
    let named = format!("{whose}{}", secret.key);
    match &secret.place {
        SecretRef {
            credential: Some(name),
            ..
        } => credential(machine, &named, name),
        SecretRef { file: Some(path), .. } => own_file(machine, &named, path),
        SecretRef { env: Some(name), .. } => environment(machine, &named, name),
        // Reading the config has told of it.
        _ => None,
    }
}

/// A file the service reads by itself, as the user it runs as.
fn own_file(machine: &Machine<'_>, named: &str, path: &Path) -> Option<Check> {
    let state = machine.loaded.config.state_dir.display();
    let shown = path.display();
    let remedy = format!(
        "keep it below {state}, with the owner of that directory (chown --reference={state} {shown}) and mode 600, \
         or name it as a credential"
    );
    let service = Reader::of(&machine.loaded.config.state_dir).filter(|_| machine.unit.is_some());
    if let Some(in_the_way) = service.and_then(|service| service.stopped_at(path)) {
        let found = format!(
            "{named}: the service's user may not read {shown}: {} keeps it out",
            in_the_way.display()
        );
        return Some(Check::ill(NAME, found, remedy));
    }
    file(named, path, &remedy, &remedy)
}

/// A user who is not the one who looks.
#[derive(Clone, Debug)]
struct Reader {
    user: u32,
    group: u32,
    /// Where the user comes in, however closed what lies above may be: the service manager opens it.
    home: PathBuf,
}

impl Reader {
    /// Whoever owns the state directory; none before the first start.
    fn of(state_dir: &Path) -> Option<Self> {
        let found = std::fs::metadata(state_dir).ok()?;
        Some(Self {
            user: found.uid(),
            group: found.gid(),
            home: state_dir.canonicalize().ok()?,
        })
    }

    /// The first folder on the way to a file, or the file itself, that lets this user go no further.
    fn stopped_at(&self, path: &Path) -> Option<PathBuf> {
        let real = path.canonicalize().ok()?;
        let mut way: Vec<&Path> = real.ancestors().take_while(|place| *place != self.home).collect();
        way.reverse();
        let stops = |place: &&Path| !self.may(place, if *place == real { 0o4 } else { 0o1 });
        way.into_iter().find(stops).map(Path::to_owned)
    }

    fn may(&self, place: &Path, bit: u32) -> bool {
        // What this user cannot see is not held against it.
        let Ok(found) = std::fs::metadata(place) else {
            return true;
        };
        let shift = if found.uid() == self.user {
            6
        } else if found.gid() == self.group {
            3
        } else {
            0
        };
        self.user == 0 || (found.mode() >> shift) & bit != 0
    }
}

fn credential(machine: &Machine<'_>, named: &str, name: &str) -> Option<Check> {
    let folder = machine.loaded.credentials_folder();
    let usual = folder.join(name);
    let line = format!("LoadCredential={name}:{}", usual.display());
    let remedy = format!(
        "put the secret into {} (mode 600) and add {line} to a drop-in: systemctl edit leadsync",
        usual.display()
    );
    let handed = machine
        .outside
        .secrets
        .credentials_dir
        .as_ref()
        .map(|dir| dir.join(name));
    let path = match (machine.unit.as_ref().map(|unit| unit.loads(name)), handed) {
        (_, Some(handed)) => handed,
        (Some(Handed::Not), None) => {
            let found = format!("{named} names the credential {name}, which the unit does not hand over");
            return Some(Check::ill(
                NAME,
                found,
                format!("add {line} to a drop-in: systemctl edit leadsync"),
            ));
        }
        // Encrypted, or set in the unit: only systemd can tell more.
        (Some(Handed::Unseen), None) => return None,
        (Some(Handed::From(source)), None) => source,
        (None, None) => usual,
    };
    let private = format!("chmod 600 {}", path.display());
    file(&format!("{named} (credential {name})"), &path, &remedy, &private)
}

fn environment(machine: &Machine<'_>, named: &str, name: &str) -> Option<Check> {
    if machine.outside.secrets.env.contains_key(name) {
        return None;
    }
    let found = format!("{named} names the variable {name}, which is not set here");
    if machine.unit.is_some() {
        return Some(Check::unknown(NAME, format!("{found}; the service may have it")));
    }
    Some(Check::ill(
        NAME,
        found,
        format!("set {name}, or keep the secret in a file"),
    ))
}

/// Looks at a file: `remedy` puts the secret there, `private` keeps everybody else from it.
fn file(named: &str, path: &Path, remedy: &str, private: &str) -> Option<Check> {
    let shown = path.display();
    let (metadata, text) = match std::fs::metadata(path).and_then(|found| Ok((found, std::fs::read(path)?))) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Some(Check::unknown(
                NAME,
                format!("{named}: this user may not read {shown}; root may"),
            ));
        }
        Err(error) => {
            return Some(Check::ill(
                NAME,
                format!("{named}: {shown} cannot be read: {error}"),
                remedy,
            ));
        }
    };
    let text = zeroize::Zeroizing::new(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Some(Check::ill(NAME, format!("{named}: {shown} is empty"), remedy));
    }
    if metadata.mode() & 0o007 != 0 {
        let found = format!("{named}: everybody on this machine may read {shown}");
        return Some(Check::ailing(
            NAME,
            found,
            format!("{private}; then renew the secret, somebody may have it"),
        ));
    }
    odd(&text).map(|what| {
        let remedy = format!("write the secret alone into {shown}: printf %s SECRET > {shown}");
        Check::ailing(
            NAME,
            format!("{named}: {shown} {what}, which would be a part of the secret"),
            remedy,
        )
    })
}

/// What an editor or a copy left there. One line end at the end is dropped by whoever reads it.
fn odd(text: &[u8]) -> Option<&'static str> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    if text.starts_with(&[0xef, 0xbb, 0xbf]) {
        Some("begins with a byte order mark")
    } else if body.starts_with(b"-----BEGIN") {
        None
    } else if is_blank(body.first()) || is_blank(body.last()) {
        Some("begins or ends with a space or an empty line")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_an_editor_left_behind_is_noticed_and_a_line_end_is_not() {
        for (text, part) in [
            (&b"s3cret"[..], None),
            (b"s3cret\n", None),
            (b"s3cret\r\n", None),
            (
                b"-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n\n",
                None,
            ),
            (b"s3cret \n", Some("space")),
            (b"\ns3cret", Some("space")),
            (b"s3cret\n\n", Some("empty line")),
            (b"\xef\xbb\xbfs3cret", Some("byte order mark")),
        ] {
            let odd = odd(text);
            assert_eq!(odd.is_some(), part.is_some(), "{text:?}");
            assert!(
                odd.is_none_or(|what| what.contains(part.unwrap_or_default())),
                "{odd:?}"
            );
        }
    }

    #[test]
    fn a_secret_everybody_may_read_is_one_to_renew() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("secret");
        std::fs::write(&path, "CANARY").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        assert_eq!(file("key", &path, "put it", "close it"), None);
        mode(0o644);
        let check = file("key", &path, "put it", "close it").unwrap();
        assert_eq!(check.health, Health::Ailing);
        assert!(
            check.remedy.contains("close it") && !check.to_string().contains("CANARY"),
            "{check}"
        );
        assert_eq!(
            file("key", &place.path().join("none"), "put it", "close it")
                .unwrap()
                .remedy,
            "put it"
        );
    }

    #[test]
    fn a_file_is_closed_to_the_service_by_its_own_mode_or_by_a_folder_above_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("credentials");
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("secret");
        std::fs::write(&path, "CANARY").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let owner = Reader::of(elsewhere.path()).unwrap();
        let service = Reader {
            user: owner.user + 61_184,
            group: owner.group + 61_184,
            home: owner.home.clone(),
        };
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(place.path(), 0o755);
        for (folder_mode, file_mode, stopped) in [
            (0o755, 0o644, None),
            (0o755, 0o600, Some(&path)),
            (0o755, 0o640, Some(&path)),
            (0o700, 0o644, Some(&folder)),
        ] {
            mode(&folder, folder_mode);
            mode(&path, file_mode);
            let found = service.stopped_at(&path);
            assert_eq!(found.as_ref(), stopped, "{folder_mode:o} {file_mode:o}");
            assert_eq!(owner.stopped_at(&path), None, "its owner may always");
        }
        let of_its_group = Reader {
            group: owner.group,
            ..service.clone()
        };
        mode(&folder, 0o750);
        mode(&path, 0o640);
        assert_eq!(of_its_group.stopped_at(&path), None);
        // The service manager lets it into its own directory, whatever stands above.
        mode(&path, 0o604);
        mode(place.path(), 0o700);
        let at_home = Reader {
            home: folder.canonicalize().unwrap(),
            ..service
        };
        assert_eq!(at_home.stopped_at(&path), None);
    }
}
