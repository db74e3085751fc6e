//! What goes over the counter about how often each source is heard.

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::SourceName;

/// How arrivals are counted.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// Now.
    pub now: DateTime<Utc>,
    /// Hours before this one are forgotten.
    pub forget_before: DateTime<Utc>,
    /// Nobody has counted for longer than this: nobody was there, and listening begins anew.
    pub pause: TimeDelta,
}

/// How far the counting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Since when somebody listens without a pause.
    pub since: DateTime<Utc>,
    /// More has come than was counted: count again.
    pub more: bool,
}

/// How often leads came from one source.
///
/// Test leads, canaries and what we ourselves wrote to a referral are no leads here; nor is another
/// version of a referral that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// The source.
    pub source: SourceName,
    /// When the first lead came.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last lead came.
    pub heard_at: Option<DateTime<Utc>>,
    /// When the last test lead came: whoever sent it, the way in was free then.
    pub tried_at: Option<DateTime<Utc>>,
    /// Hours in which leads came, oldest first: hours since 1970, and how many came.
    pub hours: Vec<(i64, u32)>,
    /// Its silence, while one is raised.
    pub silence: Option<Silence>,
}

/// A silence that was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Since when nothing was heard.
    pub since: DateTime<Utc>,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
    /// Whoever wants alerts was told.
    pub alerted: bool,
}

impl Rhythm {
    /// A source that was never heard.
    pub fn unheard(source: &SourceName) -> Self {
        Self {
            source: source.clone(),
            first_at: None,
            heard_at: None,
            tried_at: None,
            hours: Vec::new(),
            silence: None,
        }
    }
}
