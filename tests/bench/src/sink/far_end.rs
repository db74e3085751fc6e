//! What stands behind the sink's door: it answers what was let in, and tells what that was.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use crate::lead::markers;

/// What a request was to the system that answered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// It is not counted against anybody's limits: a token, a table made once.
    Free,
    /// Counted and done.
    Done,
    /// Refused because a limit was met.
    Throttled,
    /// Refused for any other reason.
    Failed,
}

/// An answer, and what the sink writes down about it.
pub(crate) struct Answered {
    /// Goes back as it is.
    pub(crate) response: Response<Bytes>,
    /// How it counts.
    pub(crate) call: Call,
    /// The leads it wrote.
    pub(crate) written: Vec<u64>,
}

impl Answered {
    /// An answer to a call that wrote nothing.
    pub(crate) fn plain(response: Response<Bytes>, call: Call) -> Self {
        Self {
            response,
            call,
            written: Vec::new(),
        }
    }
}

/// A system that takes leads.
#[async_trait]
pub(crate) trait FarEnd: Send + Sync {
    /// Answers a request that was let in.
    async fn answer(&self, request: Request<Bytes>) -> Answered;

    /// The number of the lead in every record it holds; `None` when it keeps no records.
    fn records(&self) -> Option<Vec<u64>>;
}

/// Takes whatever is posted, and keeps nothing.
pub(crate) struct Anybody;

#[async_trait]
impl FarEnd for Anybody {
    async fn answer(&self, request: Request<Bytes>) -> Answered {
        Answered {
            response: Response::new(Bytes::new()),
            call: Call::Done,
            written: markers(request.body()),
        }
    }

    fn records(&self) -> Option<Vec<u64>> {
        None
    }
}
