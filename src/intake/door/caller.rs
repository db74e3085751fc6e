//! The door as one sender sees it: a service that can be called in process.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Body;

use super::Door;

/// The door as one sender sees it.
#[derive(Clone)]
pub struct Caller {
    door: Arc<Door>,
    peer: IpAddr,
}

impl Caller {
    pub(super) fn new(door: Arc<Door>, peer: IpAddr) -> Self {
        Self { door, peer }
    }
}

impl<B> tower::Service<Request<B>> for Caller
where
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { door, peer } = self.clone();
        Box::pin(async move { Ok(door.answer(peer, request).await) })
    }
}
