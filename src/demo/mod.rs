//! The whole way of a lead on one machine, there and back: a real daemon, pretend systems, people who do not exist.
//!
//! Nothing here leaves the loopback address, and nothing stays when it ends.

// 1. Where it happens.
pub mod crms;
pub mod partner_center;
pub mod receivers;
pub mod site;

// 2. What happens.
pub mod customers;
mod patience;
pub mod samples;
pub mod scenario;
pub mod sellers;
pub mod sender;

// 3. What is seen of it, and whether it is what was promised.
pub mod listener;
pub mod summary;
pub mod verdict;

pub use crms::Crms;
pub use listener::{Heard, Listener, Step};
pub use partner_center::Center;
pub use receivers::Receivers;
pub use scenario::Scenario;
pub use sender::Sender;
pub use site::Site;
pub use summary::Summary;
pub use verdict::Verdict;

/// The demo cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("the demo cannot {doing}")]
pub struct DemoError {
    doing: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl DemoError {
    /// The demo's own store does not answer.
    fn asking() -> impl FnOnce(crate::store::StoreError) -> Self {
        Self::while_doing("ask its store")
    }

    /// `doing` completes "the demo cannot ...".
    fn while_doing<E>(doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self {
            doing,
            source: source.into(),
        }
    }
}
