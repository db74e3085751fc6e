//! Reads a body: whole, in time, not too long.

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

use crate::intake::refusal::Refusal;

/// Reads all of `body`, at most `limit` bytes, within `patience` in total: a dripping body ends too.
pub async fn read<B>(body: Pin<&mut B>, limit: usize, patience: Duration) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
{
    match timeout(patience, gather(body, limit)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Refusal::TooSlow),
    }
}

async fn gather<B>(mut body: Pin<&mut B>, limit: usize) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::TooLarge(limit));
    }
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() > limit {
        return Err(Refusal::TooLarge(limit));
    }
    // Most bodies come in one piece, which is passed on as it is.
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(piece) = next(&mut body).await? {
        if whole.len() + piece.len() > limit {
            return Err(Refusal::TooLarge(limit));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn next<B>(body: &mut Pin<&mut B>) -> Result<Option<Bytes>, Refusal>
where
    B: Body<Data = Bytes>,
{
    while let Some(frame) = body.as_mut().frame().await {
        let frame = frame.map_err(|_| Refusal::Malformed("the body broke off or is not well-formed"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Reads and forgets what is left of the body of a refused request, so that the sender, still
/// writing, gets to read the answer instead of a reset. True when the body's end was reached.
///
/// A sender that asked before sending (`Expect: 100-continue`) has nothing under way.
pub async fn discard<B>(body: Pin<&mut B>, headers: &HeaderMap, limit: usize, patience: Duration) -> bool
where
    B: Body<Data = Bytes>,
{
    if body.is_end_stream() {
        return true;
    }
    if headers.contains_key(header::EXPECT) {
        return false;
    }
    timeout(patience, forget(body, limit)).await.unwrap_or(false)
}

async fn forget<B>(mut body: Pin<&mut B>, limit: usize) -> bool
where
    B: Body<Data = Bytes>,
{
    let mut read = 0;
    loop {
        match next(&mut body).await {
            Ok(Some(piece)) => read += piece.len(),
            Ok(None) => return true,
            Err(_) => return false,
        }
        if read > limit {
            return false;
        }
    }
}
