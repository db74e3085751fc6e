//! The body of an answer, up to the limit. The status was there first, and it decides.

use bytes::{Bytes, BytesMut};

use super::transport::{Fault, Response, TransportError};

/// Stands in a response's extensions when its body is not all that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncated {
    /// It is larger than `max_response_bytes`; the rest was not read.
    TooLarge,
    /// The connection broke before the end.
    Cut,
    /// The end did not come in time.
    Timeout,
}

impl Truncated {
    fn fault(self) -> Fault {
        match self {
            Self::TooLarge => Fault::TooLarge,
            Self::Cut => Fault::Cut,
            Self::Timeout => Fault::Timeout,
        }
    }
}

/// For callers who need all of the body: a truncated one is an error.
pub fn whole(response: Response) -> Result<Response, TransportError> {
    match response.extensions().get::<Truncated>() {
        None => Ok(response),
        Some(truncated) => {
            let message = format!(
                "{} with an answer that ends after {} bytes ({truncated:?})",
                response.status(),
                response.body().len()
            );
            Err(TransportError::new(truncated.fault(), message))
        }
    }
}

/// Reads to the end, or to where the answer stops being readable.
pub(super) async fn read(mut response: reqwest::Response, limit: usize) -> (Bytes, Option<Truncated>) {
    let mut body = BytesMut::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return (body.freeze(), None),
            Err(error) if error.is_timeout() => return (body.freeze(), Some(Truncated::Timeout)),
            Err(_) => return (body.freeze(), Some(Truncated::Cut)),
        };
        let room = limit.saturating_sub(body.len());
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return (body.freeze(), Some(Truncated::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
}
