//! A write that was begun is brought to its end, whoever stops waiting for it.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that goes on without its owner when it is dropped halfway.
///
/// Costs nothing where it is awaited to the end: only an abandoned one becomes a task.
pub struct ToTheEnd<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static;

impl<F> ToTheEnd<F>
where
    F: Future + Send + 'static,
{
    /// Takes over `work`; it begins when first polled.
    pub fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F> Future for ToTheEnd<F>
where
    F: Future + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.0 else {
            return Poll::Pending;
        };
        let answer = std::task::ready!(work.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(answer)
    }
}

impl<F> Drop for ToTheEnd<F>
where
    F: Future + Send + 'static,
{
    fn drop(&mut self) {
        let Some(work) = self.0.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { drop(work.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_abandoned_halfway_still_ends() {
        let (open, gate) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut work = ToTheEnd::new(async move {
            gate.await.unwrap();
            done.send("kept").unwrap();
        });
        assert!(futures_util::poll!(&mut work).is_pending());
        drop(work);
        open.send(()).unwrap();
        assert_eq!(ended.await.unwrap(), "kept");
    }

    #[tokio::test]
    async fn what_is_awaited_gives_its_answer_once() {
        let work = ToTheEnd::new(async { 7 });
        assert_eq!(work.await, 7);
    }
}
