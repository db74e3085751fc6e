//! The alarm part of the store's counter, each call sent to the desk or to a shelf.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, SourceName};

use super::queue::Line;
use super::{SqliteStore, canaries, rhythms};
use crate::store::{AlarmStore, CanaryStory, Expected, Listen, Listening, Rhythm, Silence, StoreError};

#[async_trait]
impl AlarmStore for SqliteStore {
    async fn listen(&self, ask: Listen) -> Result<Listening, StoreError> {
        self.write(Line::Work, rhythms::WEIGHT, move |desk| {
            rhythms::listen(desk, ask)
        })
        .await
    }

    async fn rhythms(&self) -> Result<Vec<Rhythm>, StoreError> {
        self.read(rhythms::all).await
    }

    async fn listening_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|shelf| rhythms::since(shelf)).await
    }

    async fn note_silence(&self, source: &SourceName, silence: Option<Silence>) -> Result<(), StoreError> {
        let source = source.clone();
        self.write(Line::Work, 1, move |desk| {
            rhythms::note_silence(desk, &source, silence)
        })
        .await
    }

    async fn expect(&self, expected: Expected) -> Result<(), StoreError> {
        self.write(Line::Work, 1, move |desk| canaries::expect(desk, &expected))
            .await
    }

    async fn expected(
        &self,
        marks: Vec<(CanaryMark, SourceName)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<Vec<DestinationName>>>, StoreError> {
        self.read(move |shelf| canaries::expected(shelf, &marks, now))
            .await
    }

    async fn canaries(&self) -> Result<Vec<CanaryStory>, StoreError> {
        self.read(canaries::all).await
    }

    async fn recall(&self, mark: CanaryMark, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(Line::Work, 1, move |desk| canaries::recall(desk, mark, now))
            .await
    }

    async fn forget_canary(&self, mark: CanaryMark) -> Result<bool, StoreError> {
        self.write(Line::Work, 1, move |desk| canaries::forget(desk, mark))
            .await
    }
}
