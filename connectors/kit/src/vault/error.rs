//! Why a record cannot be had or kept, and who has to change.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{ConnectorError, ErrorKind};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultFault {
    /// Sealed by another secret than the configured one, or for a connector of another name.
    WrongKey,
    /// Torn, changed by somebody, or put in another record's place.
    Damaged,
    /// The file is there and cannot be read.
    Unreadable,
    /// The file, or its directory, cannot be written.
    Unwritable,
    /// Another process holds the record and does not let go.
    Busy,
}

/// A record cannot be had or kept. Never holds anything of its content.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{doing}")]
pub struct VaultError {
    fault: VaultFault,
    doing: String,
    remedy: String,
    #[source]
    cause: Option<Arc<io::Error>>,
}

impl VaultError {
    pub(super) fn new(fault: VaultFault, owner: &str, path: &Path, cause: Option<io::Error>) -> Self {
        let path = path.display();
        let doing = match fault {
            VaultFault::WrongKey => {
                format!("open {path}: it was sealed by another secret, or for a connector of another name")
            }
            VaultFault::Damaged => {
                format!("open {path}: it is damaged, or another record was put in its place")
            }
            VaultFault::Unreadable => format!("read {path}"),
            VaultFault::Unwritable => format!("write {path}"),
            VaultFault::Busy => format!("change {path}: another process holds it"),
        };
        let remedy = match fault {
            VaultFault::WrongKey => format!(
                "give the config back the secret it was sealed by, or run leadsync authorize {owner}, then release"
            ),
            VaultFault::Damaged => {
                format!("restore the file from a backup, or run leadsync authorize {owner}, then release")
            }
            VaultFault::Unreadable | VaultFault::Unwritable => {
                "let the daemon's user own the directory, see that the disk has space and is writable, then release"
                    .to_owned()
            }
            VaultFault::Busy => format!("end the other leadsync that works on {owner}, then release"),
        };
        Self {
            fault,
            doing,
            remedy,
            cause: cause.map(Arc::new),
        }
    }

    /// What is wrong.
    pub fn fault(&self) -> VaultFault {
        self.fault
    }

    /// What a person should do.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// Who has to change: the operator, except when a disk or another process is in the way for a while.
    pub fn kind(&self) -> ErrorKind {
        match self.fault {
            VaultFault::WrongKey | VaultFault::Damaged => ErrorKind::Unauthorized,
            VaultFault::Busy => ErrorKind::Unreachable,
            VaultFault::Unreadable | VaultFault::Unwritable => {
                match self.cause.as_ref().map(|cause| cause.kind()) {
                    Some(
                        io::ErrorKind::PermissionDenied
                        | io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::IsADirectory
                        | io::ErrorKind::ReadOnlyFilesystem,
                    ) => ErrorKind::Misconfigured,
                    _ => ErrorKind::Unreachable,
                }
            }
        }
    }
}

impl From<VaultError> for ConnectorError {
    fn from(error: VaultError) -> Self {
        let doing = match &error.cause {
            Some(cause) => format!("{}: {cause}", error.doing),
            None => error.doing.clone(),
        };
        Self::new(error.kind(), doing).hint(error.remedy)
    }
}
