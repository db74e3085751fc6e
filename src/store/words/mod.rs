//! What goes over the store's counter, by the room it comes from.

mod calls;
mod canaries;
mod clocks;
mod custody;
mod delivery;
mod erasure;
mod notices;
mod operator;
mod outcomes;
mod referrals;
mod reports;
mod retention;
mod rhythm;
mod survey;
mod understanding;

use thiserror::Error;

pub use calls::*;
pub use canaries::*;
pub use clocks::*;
pub use custody::*;
pub use delivery::*;
pub use erasure::*;
pub use notices::*;
pub use operator::*;
pub use outcomes::*;
pub use referrals::*;
pub use reports::*;
pub use retention::*;
pub use rhythm::*;
pub use survey::*;
pub use understanding::*;

/// The store could not do it. Nothing of the call took effect, except for [`StoreError::Unknown`].
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// More work is queued than the store takes: answer 503 and let the sender come again.
    #[error("the store is busy")]
    Busy,
    /// The disk is full, or below the configured floor.
    #[error("the disk is full")]
    Full,
    /// The database file was removed or replaced while open, or cannot be trusted any more.
    #[error("the store is lost: {0}")]
    Lost(String),
    /// What the decision was based on has changed; nothing was written.
    #[error("the ground of the decision has moved")]
    Stale,
    /// The commit was called and nobody knows whether it took: repeat by key.
    #[error("the commit's outcome is unknown: {0}")]
    Unknown(String),
    /// Something else; the words of the database.
    #[error("the store failed: {0}")]
    Failed(String),
}
