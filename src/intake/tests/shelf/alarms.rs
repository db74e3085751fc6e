//! The shelf's side for those who watch over the way: nobody asks it here.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{CanaryMark, DestinationName, SourceName};

use super::{Shelf, elsewhere};
use crate::store::*;

#[async_trait]
impl AlarmStore for Shelf {
    async fn listen(&self, _: Listen) -> Result<Listening, StoreError> {
        elsewhere()
    }

    async fn rhythms(&self) -> Result<Vec<Rhythm>, StoreError> {
        elsewhere()
    }

    async fn listening_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        elsewhere()
    }

    async fn note_silence(&self, _: &SourceName, _: Option<Silence>) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn expect(&self, _: Expected) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn expected(
        &self,
        _: Vec<(CanaryMark, SourceName)>,
        _: DateTime<Utc>,
    ) -> Result<Vec<Option<Vec<DestinationName>>>, StoreError> {
        elsewhere()
    }

    async fn canaries(&self) -> Result<Vec<CanaryStory>, StoreError> {
        elsewhere()
    }

    async fn recall(&self, _: CanaryMark, _: DateTime<Utc>) -> Result<(), StoreError> {
        elsewhere()
    }

    async fn forget_canary(&self, _: CanaryMark) -> Result<bool, StoreError> {
        elsewhere()
    }
}
