//! A body that comes badly: half of it, or a byte at a time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use tokio::time::{Instant, Interval, interval_at};

/// How it comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// Half of it, then the connection breaks.
    Cut,
    /// A byte after every such time, to the end.
    Drip(Duration),
}

pub(super) struct BadBody {
    rest: Bytes,
    then: Then,
    half_sent: bool,
    flushed: bool,
    ticks: Option<Interval>,
}

impl BadBody {
    pub(super) fn new(whole: Bytes, then: Then) -> Self {
        Self {
            rest: whole,
            then,
            half_sent: false,
            flushed: false,
            ticks: None,
        }
    }

    fn half(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.half_sent {
            self.half_sent = true;
            let half = self.rest.split_to(self.rest.len() / 2);
            if !half.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(half))));
            }
        }
        if !self.flushed {
            // One turn without data, so that a server sends what it has before the fault.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::Error::other("cut"))))
    }

    fn drop_by_drop(
        &mut self,
        every: Duration,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let ticks = self
            .ticks
            .get_or_insert_with(|| interval_at(Instant::now() + every, every));
        if ticks.poll_tick(context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(1)))))
    }
}

impl hyper::body::Body for BadBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.then {
            Then::Cut => self.half(context),
            Then::Drip(every) => self.drop_by_drop(every, context),
        }
    }
}
