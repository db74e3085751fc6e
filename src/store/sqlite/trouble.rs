//! What can go wrong inside the database, and what the caller is told.

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// Why a piece of work could not be done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database refused.
    Sqlite(rusqlite::Error),
    /// What the decision was based on has changed; nothing may be written.
    Stale,
    /// Stored bytes do not mean what they should.
    Unreadable(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    /// The whole connection is at fault, not this piece of work.
    pub(super) fn concerns_the_disk(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseBusy)
        )
    }

    /// After this the connection must not be trusted: close it and open it again.
    pub(super) fn spoils_the_connection(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::SystemIoFailure))
    }

    /// Nothing helps but a person.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        )
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Stale | Self::Unreadable(_) => None,
        }
    }
}

/// What the caller is told. `committing` when the trouble came from COMMIT itself.
pub(super) fn to_store_error(trouble: &Trouble, committing: bool) -> StoreError {
    match trouble {
        Trouble::Stale => StoreError::Stale,
        Trouble::Unreadable(what) => StoreError::Failed(what.clone()),
        Trouble::Sqlite(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Lost(error.to_string()),
            Some(ErrorCode::SystemIoFailure) if committing => StoreError::Unknown(error.to_string()),
            _ => StoreError::Failed(error.to_string()),
        },
    }
}
