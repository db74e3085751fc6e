//! `peer`: the load and the sink of `e2e` around any other relay.

use std::path::PathBuf;
use std::sync::Arc;

use crate::book::Book;
use crate::cli::Common;
use crate::course::Course;
use crate::e2e::LoadArgs;
use crate::measurement::{Collected, Figures, Measurement};
use crate::print::Printer;
use crate::sink::Sink;
use crate::subject::{Peer, PeerSpec};

/// `peer`
#[derive(Debug, clap::Args)]
pub(crate) struct PeerArgs {
    /// A file with `name`, `command`, `url` and `batch_max`; see `tests/bench/peers/`.
    spec: PathBuf,
    /// How often.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// The load.
    #[command(flatten)]
    load: LoadArgs,
}

/// Measures and shows.
pub(crate) fn run(args: &PeerArgs, common: &Common) -> anyhow::Result<()> {
    let printer = Printer::new(common.json);
    let spec = PeerSpec::read(&args.spec)?;
    let mut collected = Collected::default();
    for round in 0..args.rounds {
        printer.progress(&format!("round {} of {}", round + 1, args.rounds));
        let book = Arc::new(Book::open());
        let sink = Sink::for_anybody(&book)?;
        let peer = Peer::prepare(&spec, common.dir.as_deref(), sink.address())?;
        let mut running = peer.start()?;
        let mut course = Course {
            running: &mut running,
            sink: &sink,
            book: &book,
            batch_max: spec.batch_max,
            most_per_s: None,
            poison: false,
        };
        let (figures, depths) = course.live(&args.load.load())?;
        let fresh = Measurement::new("peer", spec.name.as_str(), &args.load.labels("https", "live"));
        collected.add(fresh, figures, Figures::default(), Some(depths));
    }
    printer.results("Leads delivered by a peer", &collected.0)
}
