//! Where records lie: files only their owner can read, each replaced in one step.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::{Path, PathBuf};

/// No record is larger, sealed or not.
pub(super) const MOST_BYTES: usize = 16 * 1024;

/// What group and others may do.
const OTHERS: u32 = 0o077;

/// The directory.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The file of a record.
    pub(super) fn record(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.sealed"))
    }

    /// What the file holds; none when there is none.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.record(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut content = Vec::new();
        file.take(MOST_BYTES as u64).read_to_end(&mut content)?;
        Ok(Some(content))
    }

    /// Replaces the file. Only whoever holds the lock may: there is one name for what is half written.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        if content.len() > MOST_BYTES {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "the record is too large"));
        }
        let new = self.fresh(name)?;
        let written = self
            .put(&new, content)
            .and_then(|()| std::fs::rename(&new, self.record(name)));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&new);
            return Err(error);
        }
        File::open(&self.0)?.sync_all()
    }

    /// Finds out whether [`Self::write`] would do, with a file of the largest size.
    pub(super) fn rehearse(&self, name: &str) -> io::Result<()> {
        let new = self.fresh(name)?;
        let written = self.put(&new, &[0; MOST_BYTES]);
        let removed = std::fs::remove_file(&new);
        written.and(removed)
    }

    /// The name of what is half written; nothing is there.
    fn fresh(&self, name: &str) -> io::Result<PathBuf> {
        self.make()?;
        let new = self.0.join(format!("{name}.new"));
        // What somebody left there, whatever it is: we write into no file of others.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(new),
        }
    }

    fn put(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        self.hand_over(&file)?;
        file.write_all(content)?;
        file.sync_all()
    }

    /// The file whose lock stands for the record, whose own file is another one after each change.
    pub(super) fn lock_file(&self, name: &str) -> io::Result<File> {
        self.make()?;
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.0.join(format!("{name}.lock")))?;
        self.hand_over(&file)?;
        Ok(file)
    }

    /// Makes the directory where there is none, and takes it from everybody but its owner.
    fn make(&self) -> io::Result<()> {
        match std::fs::metadata(&self.0) {
            Ok(found) if found.mode() & OTHERS == 0 => Ok(()),
            Ok(_) => std::fs::set_permissions(&self.0, Permissions::from_mode(0o700)),
            Err(error) if error.kind() == ErrorKind::NotFound => self.build(),
            Err(error) => Err(error),
        }
    }

    /// What an administrator's command makes belongs to the daemon: to the owner of what was there before.
    fn build(&self) -> io::Result<()> {
        let missing: Vec<&Path> = self.0.ancestors().take_while(|path| !path.exists()).collect();
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        for path in missing.into_iter().rev() {
            let Some(above) = path.parent() else { continue };
            let above = if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            };
            let (made, above) = (std::fs::metadata(path)?, std::fs::metadata(above)?);
            if made.uid() != above.uid() {
                chown(path, Some(above.uid()), Some(above.gid()))?;
            }
        }
        Ok(())
    }

    fn hand_over(&self, file: &File) -> io::Result<()> {
        let (dir, made) = (std::fs::metadata(&self.0)?, file.metadata()?);
        if made.uid() == dir.uid() {
            return Ok(());
        }
        fchown(file, Some(dir.uid()), Some(dir.gid()))
    }
}
