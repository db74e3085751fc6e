//! The bench's own servers, each run in a child process of the same binary.

mod echo;
mod intake;
mod relay;
pub(crate) mod writer;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::subject::{Own, loopback};
use writer::{Drain, Writer};

/// `serve`: used by the bench itself.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Which server.
    which: Own,
    /// Port on the loopback address.
    #[arg(long)]
    port: u16,
    /// Directory of the store.
    #[arg(long)]
    dir: PathBuf,
    /// Relay: deliver everything accepted to this host and port, in batches of 100.
    #[arg(long)]
    to: Option<SocketAddr>,
}

/// Serves until the parent ends.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    // A bench that dies must not leave servers behind.
    let signal = rustix::process::Signal::KILL;
    rustix::process::set_parent_process_death_signal(Some(signal)).context("cannot follow the parent")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let router = match args.which {
        Own::Plain => echo::plain(),
        Own::Echo => echo::typed(),
        Own::Single => intake::router(Writer::start(&args.dir, Drain::One)?),
        Own::Ceiling => intake::router(Writer::start(&args.dir, Drain::Queued)?),
    };
    if let Some(sink) = args.to {
        relay::start(&args.dir, sink)?;
    }
    runtime.block_on(listen(args.port, router))
}

async fn listen(port: u16, router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(loopback(port)).await.context("cannot listen")?;
    let prompt = listener.tap_io(|stream| {
        // Only a matter of latency: a stream that refuses it still works.
        stream.set_nodelay(true).ok();
    });
    axum::serve(prompt, router).await.context("cannot serve")
}
