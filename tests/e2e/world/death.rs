//! The end of the process: from one moment on, nothing has any effect.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;

/// Counts the moments at which the world outside could notice a death, and strikes at one of them.
#[derive(Clone, Default)]
pub(crate) struct Death(Arc<Hour>);

#[derive(Default)]
struct Hour {
    moments: AtomicU64,
    strikes_at: AtomicU64,
    came: AtomicBool,
}

impl Death {
    /// Comes at moment `nth`, counted from 1 and from now.
    pub(crate) fn comes_at(&self, nth: u64) {
        self.0.moments.store(0, Ordering::SeqCst);
        self.0.strikes_at.store(nth, Ordering::SeqCst);
    }

    /// Comes now.
    pub(crate) fn comes(&self) {
        self.0.came.store(true, Ordering::SeqCst);
    }

    /// A moment passes; nobody returns from the last one.
    pub(crate) async fn moment(&self) {
        let number = self.0.moments.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.0.strikes_at.load(Ordering::SeqCst) {
            self.comes();
        }
        if self.0.came.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
    }

    /// Ready once it came. Asked only after the one who may die was polled.
    pub(crate) async fn came(&self) {
        poll_fn(|_| {
            if self.0.came.load(Ordering::SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// A new process begins.
    pub(crate) fn revive(&self) {
        self.0.strikes_at.store(0, Ordering::SeqCst);
        self.0.came.store(false, Ordering::SeqCst);
    }
}
