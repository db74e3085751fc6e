//! Puts planned files in place: all of them, or none.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::plan::{self, Planned};

/// What happened to the files.
#[expect(clippy::struct_field_names, reason = "it is what the answer says")]
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// New, or in place of another.
    pub(super) written: Vec<PathBuf>,
    /// Secrets that were there: somebody may know them already.
    pub(super) kept: Vec<PathBuf>,
    /// Where the text of before is, of what was written anew.
    pub(super) saved: Vec<PathBuf>,
}

/// Whether somebody may have written what is there: the file a package puts there, untouched, is nobody's.
pub(super) fn is_in_the_way(path: &Path) -> bool {
    path.exists() && !fs::read(path).is_ok_and(|bytes| bytes == plan::MAIN.as_bytes())
}

/// Writes them beside their places first; only when all are on disk do they take them.
pub(super) fn write(files: &[Planned]) -> io::Result<Written> {
    let mut done = Written::default();
    let mut ready: Vec<(PathBuf, &Planned)> = Vec::new();
    for file in files {
        if file.secret && file.path.exists() {
            done.kept.push(file.path.clone());
            continue;
        }
        let beside = with_end(&file.path, ".new");
        if let Err(error) = put(&beside, file) {
            ready.push((beside, file));
            for (beside, _) in &ready {
                let _ = fs::remove_file(beside);
            }
            let place = file.path.display();
            return Err(io::Error::new(error.kind(), format!("{place}: {error}")));
        }
        ready.push((beside, file));
    }
    for (beside, file) in ready {
        if is_in_the_way(&file.path) {
            let saved = with_end(&file.path, ".bak");
            fs::rename(&file.path, &saved)?;
            done.saved.push(saved);
        }
        fs::rename(&beside, &file.path)?;
        done.written.push(file.path.clone());
    }
    Ok(done)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// A secret lies in a folder of its owner alone; all else may be read by the service's user, whatever the umask is.
fn put(path: &Path, file: &Planned) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (folder_mode, mode) = if file.secret {
        (0o700, 0o600)
    } else {
        (0o755, 0o644)
    };
    make(folder, folder_mode)?;
    let _ = fs::remove_file(path);
    let mut new = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    new.set_permissions(Permissions::from_mode(mode))?;
    new.write_all(file.text.as_bytes())?;
    new.sync_all()
}

/// Makes a folder and those above it; what is there keeps its mode.
fn make(folder: &Path, mode: u32) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    make(folder.parent().unwrap_or(Path::new("")), 0o755)?;
    DirBuilder::new().mode(mode).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(path: PathBuf, text: &str, secret: bool) -> Planned {
        Planned {
            path,
            text: text.to_owned(),
            secret,
        }
    }

    #[test]
    fn secrets_stay_files_are_saved_and_modes_are_right() {
        let dir = tempfile::tempdir().unwrap();
        let (main, secret) = (dir.path().join("a.toml"), dir.path().join("credentials/s"));
        let files = |text: &str| {
            [
                planned(main.clone(), text, false),
                planned(secret.clone(), text, true),
            ]
        };
        let first = write(&files("one")).unwrap();
        assert_eq!((first.written.len(), first.kept.len()), (2, 0));
        assert!(is_in_the_way(&main));
        let second = write(&files("two")).unwrap();
        assert_eq!(
            (second.written.as_slice(), second.kept.as_slice()),
            (&[main.clone()][..], &[secret.clone()][..])
        );
        assert_eq!(fs::read_to_string(&main).unwrap(), "two");
        assert_eq!(fs::read_to_string(&second.saved[0]).unwrap(), "one");
        assert_eq!(fs::read_to_string(&secret).unwrap(), "one");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&secret), mode(secret.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn the_file_of_a_package_is_nobodys_until_somebody_writes_into_it() {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("leadsync.toml");
        assert!(!is_in_the_way(&main));
        fs::write(&main, plan::MAIN).unwrap();
        assert!(!is_in_the_way(&main));
        let done = write(&[planned(main.clone(), "ours", false)]).unwrap();
        assert!(done.saved.is_empty(), "it is in the package");
        fs::write(&main, format!("{}\n# mine\n", plan::MAIN)).unwrap();
        assert!(is_in_the_way(&main));
    }

    #[test]
    fn when_one_cannot_be_written_none_is() {
        let dir = tempfile::tempdir().unwrap();
        let (good, blocked) = (dir.path().join("good"), dir.path().join("file/below"));
        fs::write(dir.path().join("file"), "in the way").unwrap();
        let failed = write(&[planned(good, "x", false), planned(blocked, "y", false)]);
        assert!(failed.unwrap_err().to_string().contains("file/below"));
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "only what was there"
        );
    }
}
