//! The part of the floor that those stand on who watch over the way: silence, and canaries.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, SourceName};

use super::{CanaryStory, Expected, Listen, Listening, Rhythm, Silence, StoreError};

/// Keeps how often each source is heard, and which canaries are on their way.
#[async_trait]
pub trait AlarmStore: Send + Sync {
    // --- sources are listened to -------------------------------------------------------------

    /// Counts what was understood since the last time, a portion at a time, by source and hour. Costs
    /// nobody anything who takes leads in.
    async fn listen(&self, ask: Listen) -> Result<Listening, StoreError>;

    /// How often each source was heard.
    async fn rhythms(&self) -> Result<Vec<Rhythm>, StoreError>;

    /// Since when sources are listened to without a pause; none before anybody did.
    async fn listening_since(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Notes that a source is silent, or is not any more.
    async fn note_silence(&self, source: &SourceName, silence: Option<Silence>) -> Result<(), StoreError>;

    // --- a canary goes the whole way -----------------------------------------------------------

    /// Announces a canary: the next lead with its mark, from its source and in time, goes to its
    /// destinations and nowhere else.
    async fn expect(&self, expected: Expected) -> Result<(), StoreError>;

    /// Where leads with these marks go; none for a mark nobody announced for this source, one that was
    /// used, and one whose time is over.
    async fn expected(
        &self,
        marks: Vec<(CanaryMark, SourceName)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Vec<DestinationName>>>, StoreError>;

    /// Every canary that was announced and not forgotten.
    async fn canaries(&self) -> Result<Vec<CanaryStory>, StoreError>;

    /// A canary goes no further: what is not under way to a destination any more is given up.
    async fn recall(&self, mark: CanaryMark, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Removes all there is of a canary, except that one more was sent. False while a destination is
    /// being called for it: then nothing is removed.
    async fn forget_canary(&self, mark: CanaryMark) -> Result<bool, StoreError>;
}
