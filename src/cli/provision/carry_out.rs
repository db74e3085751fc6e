//! Plan, make what is missing, plan again: until nothing is missing, or the time is over.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::clock::Clock;
use connector_kit::{ConnectorError, ErrorKind, Plan, Provisioner, Step, StepState};

/// The other side is asked how far it is after this long, then after twice as long, ...
const FIRST_REST: Duration = Duration::from_secs(2);
/// ... but at least this often.
const LONGEST_REST: Duration = Duration::from_secs(15);

/// The work at one system.
pub(in crate::cli) struct Work<'a> {
    pub(in crate::cli) provisioner: &'a dyn Provisioner,
    pub(in crate::cli) clock: &'a dyn Clock,
    /// When waiting ends.
    pub(in crate::cli) until: DateTime<Utc>,
    /// Whether what somebody else has is taken from them; once, not whenever they take it back.
    pub(in crate::cli) take_over: bool,
}

/// What is told while it goes on.
pub(in crate::cli) enum News<'a> {
    Making(&'a Step),
    Made(&'a Step),
    Waiting { why: &'a str, left: TimeDelta },
}

/// How far it came.
pub(in crate::cli) struct Carried {
    /// As it stood last.
    pub(super) plan: Plan,
    /// The ids of what was made.
    pub(super) made: Vec<String>,
    pub(in crate::cli) end: End,
}

/// Why it ended.
pub(in crate::cli) enum End {
    /// Nothing is left that we could do.
    Settled,
    /// The time is over.
    OutOfTime,
    /// The other side does not do it.
    Failed(ConnectorError),
}

/// How one round over the plan ended.
enum Round {
    Ended(End),
    /// Something was made that was not made before: how does it stand now?
    Moved,
    /// Nothing moves by itself.
    Stuck {
        why: String,
        cause: Option<ConnectorError>,
    },
}

impl Work<'_> {
    /// Carries it out. Whatever stops it, beginning again goes on where it stopped.
    pub(in crate::cli) async fn carry_out(&self, tell: &mut dyn FnMut(News<'_>)) -> Carried {
        let mut plan = Plan::default();
        let mut made = Vec::new();
        let mut pause = FIRST_REST;
        let end = loop {
            let round = match self.provisioner.plan().await {
                Ok(planned) => {
                    plan = planned;
                    self.round(&plan, &mut made, tell).await
                }
                Err(error) => failed(error),
            };
            match round {
                Round::Ended(end) => break end,
                Round::Moved => pause = FIRST_REST,
                Round::Stuck { why, cause } => {
                    let asked = cause.as_ref().and_then(ConnectorError::wait).unwrap_or_default();
                    if !self.rest(pause.max(asked), &why, tell).await {
                        break cause.map_or(End::OutOfTime, End::Failed);
                    }
                    pause = (pause * 2).min(LONGEST_REST);
                }
            }
        };
        Carried { plan, made, end }
    }

    /// Makes what is missing, in the order of the plan.
    async fn round(&self, plan: &Plan, made: &mut Vec<String>, tell: &mut dyn FnMut(News<'_>)) -> Round {
        let known: BTreeSet<String> = made.iter().cloned().collect();
        let mut waits_for = None;
        for step in &plan.steps {
            let leave = !self.take_over || known.contains(&step.id);
            match step.state {
                StepState::Present | StepState::ByHand(_) => continue,
                StepState::Taken(_) if leave => continue,
                StepState::Settling => {}
                StepState::Missing | StepState::Taken(_) => {
                    tell(News::Making(step));
                    if let Err(error) = self.provisioner.apply(step).await {
                        return failed(error);
                    }
                    if !known.contains(&step.id) {
                        tell(News::Made(step));
                        made.push(step.id.clone());
                    }
                }
            }
            waits_for.get_or_insert(&step.what);
        }
        match waits_for {
            None => Round::Ended(End::Settled),
            Some(_) if made.len() > known.len() => Round::Moved,
            Some(what) => Round::Stuck {
                why: format!("{what} is not usable yet"),
                cause: None,
            },
        }
    }

    /// False when the time is over, or would be.
    async fn rest(&self, time: Duration, why: &str, tell: &mut dyn FnMut(News<'_>)) -> bool {
        let left = self.until - self.clock.now();
        let enough = TimeDelta::from_std(time).is_ok_and(|time| time <= left);
        if enough {
            tell(News::Waiting { why, left });
            self.clock.rest(time).await;
        }
        enough
    }
}

/// Trouble that passes is waited for like anything the other side works on.
fn failed(error: ConnectorError) -> Round {
    match error.kind() {
        ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Broken | ErrorKind::Conflict => {
            Round::Stuck {
                why: format!("could not {error}"),
                cause: Some(error),
            }
        }
        ErrorKind::Rejected | ErrorKind::Unauthorized | ErrorKind::Misconfigured => {
            Round::Ended(End::Failed(error))
        }
    }
}

#[cfg(test)]
mod tests;
