//! Numbers end with the connector or the source they are about.

use connector_kit::ErrorKind;

use super::meters::{ANSWERS, KINDS, STAGES};
use super::{Answered, Attempted, Metrics, OfDestination, OfSource, Rested, Seen};

impl Metrics {
    /// The connector is no longer in the config: what was counted of it is told no more.
    pub fn forget_connector(&self, name: &str) {
        let failed = KINDS.map(ErrorKind::as_str);
        for result in ["delivered", "withheld"].into_iter().chain(failed) {
            let destination = name.to_owned();
            self.attempts.remove(&Attempted { destination, result });
        }
        for stage in STAGES {
            let (source, stage) = (name.to_owned(), stage.as_str());
            self.outcomes.remove(&Seen { source, stage });
        }
        for how in ["held", "parked"] {
            let destination = name.to_owned();
            self.rests.remove(&Rested { destination, how });
        }
        let (destination, source) = (name.to_owned(), name.to_owned());
        self.dead_letters.remove(&OfDestination { destination });
        self.outcomes_lag.remove(&OfSource { source });
        self.forget_asks(name);
        self.events.forget(name);
        self.reports.forget(name);
        self.forget_source(name);
    }

    /// Nobody posts to the source any more.
    pub fn forget_source(&self, name: &str) {
        let source = name.to_owned();
        for status in ANSWERS {
            let source = source.clone();
            self.requests.remove(&Answered { source, status });
        }
        let of_source = OfSource { source };
        self.accepted.remove(&of_source);
        self.refused.remove(&of_source);
        self.silence.forget(&of_source);
    }
}
