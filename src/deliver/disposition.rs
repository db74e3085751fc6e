//! What happens after a failed attempt: one decision, without clock, dice or store.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::retry_after::CAP;
use connector_kit::{ConnectorError, ErrorKind};

/// How patient we are with a destination.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Waits between counted attempts; after the last one the delivery is a dead letter.
    pub schedule: Vec<Duration>,
    /// Each wait grows by up to this share, so that not all come back at once.
    pub jitter: f64,
    /// The first rest of a destination that asked for one or cannot be reached.
    pub first_rest: Duration,
    /// The longest rest we choose ourselves; also how often a resting destination is probed.
    pub longest_rest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
        Self {
            schedule: seconds.into_iter().map(Duration::from_secs).collect(),
            jitter: 0.1,
            first_rest: Duration::from_secs(5),
            longest_rest: Duration::from_mins(1),
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The destination rests until then; the delivery goes back uncounted.
    Hold(DateTime<Utc>),
    /// The destination rests until an operator releases it; the delivery goes back uncounted.
    Park(String),
    /// The delivery comes again then; counted.
    Retry(DateTime<Utc>),
    /// The delivery ends here; the text says what a person should do.
    DeadLetter(String),
}

/// What the decision needs to know beside the error.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    /// Counted attempts of this delivery before this one.
    pub attempts: u32,
    /// Rests of the destination in a row before this failure.
    pub holds: u32,
    /// A throw of the dice, from 0 to 1.
    pub chance: f64,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Decides by who has to change.
pub fn dispose(error: &ConnectorError, patience: &Patience, situation: Situation) -> Disposition {
    match error.kind() {
        ErrorKind::Throttled | ErrorKind::Unreachable => {
            Disposition::Hold(patience.rest_over(error.wait(), situation))
        }
        ErrorKind::Broken | ErrorKind::Conflict => {
            let index = usize::try_from(situation.attempts).unwrap_or(usize::MAX);
            match patience.schedule.get(index) {
                Some(wait) => Disposition::Retry(patience.retry_at(*wait, error.wait(), situation)),
                None => Disposition::DeadLetter(hint(error, "see the attempts, then requeue or discard")),
            }
        }
        ErrorKind::Rejected => {
            Disposition::DeadLetter(hint(error, "correct the field mapping, then requeue"))
        }
        ErrorKind::Unauthorized => Disposition::Park(hint(error, "renew the credentials, then release")),
        ErrorKind::Misconfigured if situation.holds + 1 < u32::from(error.strikes_needed()) => {
            Disposition::Hold(patience.rest_over(error.wait(), situation))
        }
        ErrorKind::Misconfigured => {
            Disposition::Park(hint(error, "make config and destination agree, then release"))
        }
    }
}

fn hint(error: &ConnectorError, general: &str) -> String {
    error.hint_text().unwrap_or(general).to_owned()
}

impl Patience {
    /// When a resting destination is probed next: our own growing rest, never earlier than asked.
    pub fn rest_over(&self, asked: Option<Duration>, situation: Situation) -> DateTime<Utc> {
        let doubled = self.first_rest.saturating_mul(1_u32 << situation.holds.min(16));
        let own = self.stretch(doubled.min(self.longest_rest), situation.chance);
        situation.now + span(own.max(obeyed(asked)))
    }

    fn retry_at(&self, wait: Duration, asked: Option<Duration>, situation: Situation) -> DateTime<Utc> {
        let own = self.stretch(wait, situation.chance);
        situation.now + span(own.max(obeyed(asked)))
    }

    fn stretch(&self, wait: Duration, chance: f64) -> Duration {
        wait.mul_f64(1.0 + self.jitter.clamp(0.0, 1.0) * chance.clamp(0.0, 1.0))
    }
}

/// Whatever is asked, after so long one call finds out.
fn obeyed(asked: Option<Duration>) -> Duration {
    asked.unwrap_or_default().min(CAP)
}

fn span(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn situation(attempts: u32, holds: u32) -> Situation {
        Situation {
            attempts,
            holds,
            chance: 0.0,
            now: at(0),
        }
    }

    #[test]
    fn who_has_to_change_decides_what_happens() {
        use ErrorKind::{Broken, Conflict, Misconfigured, Rejected, Throttled, Unauthorized, Unreachable};
        let park = |hint: &str| Disposition::Park(hint.into());
        let dead = |hint: &str| Disposition::DeadLetter(hint.into());
        let table = [
            (Throttled, 0, 0, Disposition::Hold(at(5))),
            (Throttled, 99, 0, Disposition::Hold(at(5))),
            (Unreachable, 0, 1, Disposition::Hold(at(10))),
            (Unreachable, 0, 3, Disposition::Hold(at(40))),
            (Unreachable, 0, 4, Disposition::Hold(at(60))),
            (Unreachable, 0, 4000, Disposition::Hold(at(60))),
            (Broken, 0, 0, Disposition::Retry(at(5))),
            (Broken, 6, 0, Disposition::Retry(at(36_000))),
            (Broken, 7, 0, dead("see the attempts, then requeue or discard")),
            (Conflict, 1, 0, Disposition::Retry(at(300))),
            (Rejected, 0, 0, dead("correct the field mapping, then requeue")),
            (Unauthorized, 0, 0, park("renew the credentials, then release")),
            (
                Misconfigured,
                0,
                0,
                park("make config and destination agree, then release"),
            ),
        ];
        for (kind, attempts, holds, expected) in table {
            let error = ConnectorError::new(kind, "write");
            let found = dispose(&error, &Patience::default(), situation(attempts, holds));
            assert_eq!(
                found, expected,
                "{kind:?} after {attempts} attempts and {holds} holds"
            );
        }
    }

    #[test]
    fn a_destination_that_asks_for_time_gets_at_least_that() {
        for (asked, expected) in [(20, 20), (1, 5), (3600, 3600), (u64::MAX, 3600)] {
            let error = ConnectorError::new(ErrorKind::Throttled, "write")
                .retry_after(Some(Duration::from_secs(asked)));
            let found = dispose(&error, &Patience::default(), situation(0, 0));
            assert_eq!(found, Disposition::Hold(at(expected)));
        }
    }

    #[test]
    fn jitter_only_ever_lengthens_a_wait() {
        let error = ConnectorError::new(ErrorKind::Broken, "write");
        let late = Situation {
            chance: 1.0,
            ..situation(1, 0)
        };
        assert_eq!(
            dispose(&error, &Patience::default(), late),
            Disposition::Retry(at(330))
        );
    }

    #[test]
    fn three_strikes_park_what_one_strike_only_rests() {
        let error = ConnectorError::new(ErrorKind::Misconfigured, "post")
            .strikes(3)
            .hint("correct the URL");
        let found: Vec<_> = (0..3)
            .map(|holds| dispose(&error, &Patience::default(), situation(0, holds)))
            .collect();
        assert_eq!(found[0], Disposition::Hold(at(5)));
        assert_eq!(found[1], Disposition::Hold(at(10)));
        assert_eq!(found[2], Disposition::Park("correct the URL".into()));
    }
}
