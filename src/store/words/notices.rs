//! What goes over the counter when the other side tells by itself that something changed.

use chrono::{DateTime, Utc};
use connector_kit::ids::AccountName;
use connector_kit::{Notice, ReferralId, SourceName};

use super::Arrival;

/// A verified event on its way to the store.
#[derive(Clone, Debug)]
pub struct Told {
    /// The publisher its connector belongs to.
    pub account: AccountName,
    /// The connector it was sent to.
    pub source: SourceName,
    /// When we took it.
    pub received_at: DateTime<Utc>,
    /// What it points at.
    pub notice: Notice,
    /// The request as it came, where somebody else is to get it too.
    pub copy: Option<Copy>,
}

/// A request to be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The headers of its proof: name and value.
    pub headers: Vec<(String, String)>,
    /// Its body, byte for byte.
    pub body: Vec<u8>,
}

/// What an event was to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is kept and will be followed.
    Kept,
    /// It was here before; nothing is fetched again.
    Known,
    /// It is about no referral; noted.
    Noted,
}

/// The number of an event that waits to be followed, or to be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(pub i64);

/// An event that waits to be followed. Several about one referral are followed by one look.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// All events about this referral that wait.
    pub ids: Vec<NoticeId>,
    /// What they are about.
    pub referral: ReferralId,
    /// When the first of them came.
    pub received_at: DateTime<Utc>,
    /// How often it was looked for in vain.
    pub tries: u32,
}

/// The answer to [`crate::store::ReferralStore::notices`].
#[derive(Clone, Debug, Default)]
pub struct NoticesDue {
    /// What to follow now, oldest first.
    pub waiting: Vec<Waiting>,
    /// When something becomes due, when nothing is now.
    pub next_at: Option<DateTime<Utc>>,
}

/// What came of following.
#[derive(Clone, Debug)]
pub enum Follow {
    /// It was read: the arrival is kept, unless this version is known, and the events are done with.
    Read(Vec<NoticeId>, Box<Arrival>),
    /// It is not to be had yet: again at this time.
    Later(Vec<NoticeId>, DateTime<Utc>),
    /// It is not to be had: the poll will find it, if it is ours.
    GivenUp(Vec<NoticeId>),
}

/// A request that waits to be passed on.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Its number.
    pub id: NoticeId,
    /// What to pass on.
    pub copy: Copy,
    /// How often that failed.
    pub tries: u32,
}

/// What came of passing on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It is done, or given up.
    Done(NoticeId),
    /// Again at this time.
    Later(NoticeId, DateTime<Utc>),
}
