//! What the file system says -> [`ConnectorError`]. Pure.

use std::io;
use std::path::Path;

use connector_kit::{ConnectorError, ErrorKind};

/// Who has to change: a full disk empties or is emptied, a wrong path has to be corrected.
pub(crate) fn failed(doing: &str, path: &Path, error: io::Error) -> ConnectorError {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => (
            ErrorKind::Misconfigured,
            "create the directory or correct path, then release",
        ),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::Misconfigured,
            "let the service write there (ReadWritePaths= in the unit), then release",
        ),
        _ => (ErrorKind::Unreachable, "look at the disk: it is full or failing"),
    };
    ConnectorError::new(kind, format!("{doing} {}", path.display()))
        .hint(hint)
        .source(error)
}
