//! Where the operator asks and where numbers are read: open from the start, before there is much to tell.

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::admin::{self, AdminListener, Desk, Reception, Token};

/// The counters, served on `front`.
pub(super) struct Counters {
    operator: Reception,
    readers: Reception,
}

impl Counters {
    /// Answers from now on, if only that it is too early. Readers show the token where there is one.
    pub(super) fn open(
        listener: AdminListener,
        metrics: Option<TcpListener>,
        token: Option<Token>,
        front: &Handle,
        stop: &CancellationToken,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let counters = Self {
            operator: Reception::default(),
            readers: Reception::default(),
        };
        let operator = serve(listener, counters.operator.clone(), stop.clone());
        let mut serving = vec![front.spawn(operator)];
        if let Some(listener) = metrics {
            let open = counters.readers.router();
            let router = match token {
                Some(token) => admin::guarded(open, token),
                None => open,
            };
            serving.push(front.spawn(admin::serve_readers(listener, router, stop.clone())));
        }
        (counters, serving)
    }

    /// Whoever asks gets to this desk from now on.
    pub(super) fn take_up(&self, desk: Desk) {
        self.operator.open(admin::router(desk.clone()));
        self.readers.open(admin::readable(desk));
    }
}

async fn serve(listener: AdminListener, reception: Reception, stop: CancellationToken) {
    if let Err(error) = admin::serve(listener, reception.router(), stop).await {
        warn!(event = "admin_ended", error = %error, "the admin listener ended");
    }
}
