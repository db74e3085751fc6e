//! Where the daemon keeps what it must not lose: the directory, its disk, and the store.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use connector_kit::Check;

use crate::config::Config;
use crate::store::sqlite::{Glance, OpenError, Room, SpaceFloor, SqliteStore};

/// File systems of other machines, by the magic numbers of statfs(2): a lock there is a promise nobody keeps.
const REMOTE: [(u32, &str); 7] = [
    (0x0000_6969, "NFS"),
    (0x0000_517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x5346_414f, "AFS"),
];

/// Looks at all three.
pub(super) fn look(config: &Config) -> Vec<Check> {
    let path = config.store_path();
    let folder = path.parent().unwrap_or(&config.state_dir);
    vec![directory(&config.state_dir), disk(config, folder), store(&path)]
}

fn directory(path: &Path) -> Check {
    const NAME: &str = "state-directory";
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound && standing(path).is_dir() => {
            return Check::well(
                NAME,
                format!("{shown} is not there yet; the first start makes it"),
            );
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Check::unknown(NAME, format!("this user may not look at {shown}; root may"));
        }
        Err(error) => {
            let remedy = "correct state_dir, or move away what is in the way";
            return Check::ill(NAME, format!("{shown} cannot be used: {error}"), remedy);
        }
    };
    if !metadata.is_dir() {
        return Check::ill(
            NAME,
            format!("{shown} is no directory"),
            "move it away, or correct state_dir",
        );
    }
    if let Some(kind) = remote(path) {
        return Check::ill(
            NAME,
            format!(
                "{shown} lies on a network file system ({kind}), where locks are not kept and a flush may not be one"
            ),
            "move state_dir to a disk of this machine",
        );
    }
    if let Some(foreign) = foreign(path, metadata.uid()) {
        return Check::ill(
            NAME,
            format!("{} belongs to another user than {shown}", foreign.display()),
            format!("chown -R --reference={shown} {shown}"),
        );
    }
    let ours = [0, metadata.uid()].contains(&rustix::process::geteuid().as_raw());
    // Without a name: nobody ever sees the file.
    if let Err(error) = tempfile::tempfile_in(path)
        .map(drop)
        .map_err(|error| error.to_string())
    {
        return if ours {
            let remedy = "make the disk writable, or correct state_dir";
            Check::ill(
                NAME,
                format!("nothing can be written to {shown}: {error}"),
                remedy,
            )
        } else {
            Check::unknown(NAME, format!("{shown} belongs to another user; root may look"))
        };
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Check::ailing(
            NAME,
            format!("others may look into {shown} (mode {mode:03o})"),
            format!("chmod 700 {shown}"),
        );
    }
    Check::well(NAME, format!("{shown} is private and can be written"))
}

/// The nearest folder above that exists.
fn standing(path: &Path) -> PathBuf {
    path.ancestors()
        .skip(1)
        .find(|above| above.exists())
        .unwrap_or(Path::new("/"))
        .to_owned()
}

fn remote(path: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    remote_kind(kind.cast_unsigned())
}

fn remote_kind(magic: u64) -> Option<&'static str> {
    let known = REMOTE
        .iter()
        .find(|(number, _)| u64::from(*number) == magic & 0xffff_ffff);
    known.map(|(_, kind)| *kind)
}

/// Something that was made by another user, as happens when the daemon was once run by hand.
fn foreign(path: &Path, owner: u32) -> Option<PathBuf> {
    let entries = std::fs::read_dir(path).ok()?.flatten();
    let mut strange = entries.filter(|entry| entry.metadata().is_ok_and(|found| found.uid() != owner));
    strange.next().map(|entry| entry.path())
}

fn disk(config: &Config, folder: &Path) -> Check {
    const NAME: &str = "disk";
    let floor = SpaceFloor {
        bytes: config.store.free_space_floor,
        ..SpaceFloor::default()
    };
    let place = if folder.is_dir() {
        folder.to_owned()
    } else {
        standing(folder)
    };
    let Ok(Room { free, floor }) = SqliteStore::room(&place.join("leadsync.db"), floor) else {
        return Check::unknown(NAME, format!("the disk of {} cannot be asked", place.display()));
    };
    let found = format!(
        "{} are free where the store is; leads are taken down to {}",
        mib(free),
        mib(floor)
    );
    let remedy = "free space there, or lower [store] free_space_floor";
    match free {
        _ if free < floor => Check::ill(NAME, found, remedy),
        _ if free < floor.saturating_mul(2) => Check::ailing(NAME, found, remedy),
        _ => Check::well(NAME, found),
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn store(path: &Path) -> Check {
    const NAME: &str = "store";
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Check::unknown(NAME, format!("this user may not look at {shown}; root may"));
        }
        Err(_) => return Check::well(NAME, "there is none yet; the first start makes it"),
        Ok(_) => {}
    }
    match SqliteStore::glance(path) {
        Ok(glance) => Check::well(NAME, praise(&glance)),
        Err(OpenError::Schema(error)) => Check::ill(
            NAME,
            error.to_string(),
            "install the version that wrote it, or restore a backup this version wrote",
        ),
        Err(error @ OpenError::Damaged { .. }) => Check::ill(
            NAME,
            error.to_string(),
            "stop leadsync, keep a copy of the file, and restore a backup",
        ),
        Err(error) => Check::ill(
            NAME,
            error.to_string(),
            format!("let the service's user read and write {shown}"),
        ),
    }
}

fn praise(glance: &Glance) -> String {
    let whole = if glance.read_whole {
        "whole"
    } else {
        "too large to be read whole here"
    };
    let (found, newest) = glance.schema;
    let schema = if found < newest {
        format!("schema {found}; the next start brings it to {newest}")
    } else {
        format!("schema {found}")
    };
    let holder = glance
        .holder
        .as_ref()
        .map_or_else(|| "used by nobody".to_owned(), |who| format!("used by {who}"));
    format!("{}, {whole}, {schema}, {holder}", mib(glance.bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use connector_kit::Health;

    use super::*;

    #[test]
    fn a_file_system_of_another_machine_is_known_by_its_number() {
        assert_eq!(remote_kind(0x6969), Some("NFS"));
        // As a 64-bit machine widens a signed 32-bit number.
        assert_eq!(remote_kind(0xffff_ffff_ff53_4d42), Some("CIFS"));
        assert_eq!(remote_kind(0xef53), None);
    }

    #[test]
    fn a_directory_is_there_private_and_writable_or_will_be() {
        let place = tempfile::tempdir().unwrap();
        let mode =
            |mode| std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o700);
        assert_eq!(directory(place.path()).health, Health::Well);
        assert_eq!(directory(&place.path().join("a/b")).health, Health::Well);
        mode(0o755);
        let check = directory(place.path());
        assert_eq!(check.health, Health::Ailing);
        assert!(
            check.found.contains("755") && check.remedy.starts_with("chmod 700"),
            "{check}"
        );
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(directory(&file).health, Health::Ill);
        assert_eq!(directory(&file.join("below")).health, Health::Ill);
    }

    #[test]
    fn a_store_that_is_none_or_damaged_is_told_with_what_to_do() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("leadsync.db");
        assert_eq!(store(&path).health, Health::Well);
        std::fs::write(&path, "not a database, but long enough to be looked at").unwrap();
        let check = store(&path);
        assert_eq!(check.health, Health::Ill);
        assert!(check.remedy.contains("backup"), "{check}");
    }
}
