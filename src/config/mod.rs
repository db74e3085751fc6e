//! What the operator wrote, read in layers: defaults, then files, then `LEADSYNC_*`.
//!
//! [`Config::load`] tells every mistake it can find at once, each with its file, line, column, key
//! and, where a slip of the finger is likely, the word that was meant.

// 1. What can be written.
mod alarms;
mod clocks;
mod connector;
mod daemon;
mod intake;
mod report;
mod retention;
mod traces;
mod values;

// 2. How it is read, and kept once it is in force.
mod applied;
mod document;
mod environment;
mod load;
mod named;
mod reach;
mod read;
mod rules;
mod secrets;

// 3. What editors are told of it.
pub mod schema;

// 4. How mistakes are told.
mod diagnostics;
mod syntax;
mod wording;

pub use alarms::{Canary, Silence};
pub use clocks::Clocks;
pub use connector::{Budget, ConnectorFile, Hold, Retry};
pub use daemon::{Config, Dedupe, DedupeBy, HttpsSource, Listen, Log, LogFormat, LogLevel, StoreConfig, Tls};
pub use diagnostics::{Diagnostics, Mistake};
pub use document::Document;
pub use intake::Intake;
pub use load::Loaded;
pub use report::{Report, ReportFields, TeamMember};
pub use retention::{Keep, Retention};
pub use traces::Traces;
pub use values::{Admin, Rate};

#[cfg(test)]
mod tests;
