//! Systems that take their time, break, refuse, or forget what they were told.

use std::sync::Mutex;

use async_trait::async_trait;
use connector_kit::clock::ManualClock;

use super::*;

/// A step of the pretended system.
struct Thing {
    id: &'static str,
    /// How often it has to be looked at until it is usable, once made.
    slow: u32,
    state: StepState,
}

/// Fails calls by number, from 1; notes what it is told.
#[derive(Default)]
struct System {
    things: Mutex<Vec<Thing>>,
    fails: Mutex<Vec<(usize, ConnectorError)>>,
    told: Mutex<Vec<String>>,
    take_over: bool,
    /// Who has something takes it back whenever it was taken from them.
    stubborn: bool,
}

impl System {
    fn lacking(things: &[(&'static str, u32)]) -> Self {
        let things = things.iter().map(|(id, slow)| Thing {
            id,
            slow: *slow,
            state: StepState::Missing,
        });
        Self {
            things: Mutex::new(things.collect()),
            ..Self::default()
        }
    }

    fn failing(self, call: usize, error: ConnectorError) -> Self {
        self.fails.lock().unwrap().push((call, error));
        self
    }

    fn hear(&self, what: String) -> Result<(), ConnectorError> {
        let mut told = self.told.lock().unwrap();
        told.push(what);
        let call = told.len();
        match self
            .fails
            .lock()
            .unwrap()
            .iter()
            .find(|(number, _)| *number == call)
        {
            Some((_, error)) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait]
impl Provisioner for System {
    async fn plan(&self) -> Result<Plan, ConnectorError> {
        self.hear("plan".to_owned())?;
        let mut things = self.things.lock().unwrap();
        let steps = things.iter_mut().map(|thing| {
            if thing.state == StepState::Settling {
                match thing.slow.checked_sub(1) {
                    Some(less) => thing.slow = less,
                    None => thing.state = StepState::Present,
                }
            }
            Step {
                id: thing.id.to_owned(),
                what: format!("the {}", thing.id),
                state: thing.state.clone(),
            }
        });
        Ok(Plan {
            steps: steps.collect(),
            role: Vec::new(),
        })
    }

    async fn apply(&self, step: &Step) -> Result<(), ConnectorError> {
        self.hear(step.id.clone())?;
        let mut things = self.things.lock().unwrap();
        let thing = things.iter_mut().find(|thing| thing.id == step.id).unwrap();
        if !(self.stubborn && matches!(step.state, StepState::Taken(_))) {
            thing.state = StepState::Settling;
        }
        Ok(())
    }
}

fn start() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// How it ended, and how many seconds it took.
async fn carry_out(system: &System) -> (Carried, i64) {
    let clock = ManualClock::new(start());
    let work = Work {
        provisioner: system,
        clock: &clock,
        until: start() + TimeDelta::minutes(10),
        take_over: system.take_over,
    };
    let carried = work.carry_out(&mut |_| ()).await;
    (carried, (clock.now() - start()).num_seconds())
}

fn error(kind: ErrorKind) -> ConnectorError {
    ConnectorError::new(kind, "make it")
}

#[tokio::test]
async fn what_is_missing_is_made_in_order_and_looked_at_again_until_it_is_usable() {
    let system = System::lacking(&[("field", 0), ("key", 3)]);
    let (carried, seconds) = carry_out(&system).await;
    assert!(matches!(carried.end, End::Settled));
    assert!(
        carried
            .plan
            .steps
            .iter()
            .all(|step| step.state == StepState::Present)
    );
    assert_eq!(carried.made, ["field", "key"]);
    assert_eq!(
        system.told(),
        ["plan", "field", "key", "plan", "plan", "plan", "plan"]
    );
    assert_eq!(seconds, 2 + 4 + 8);
}

#[tokio::test]
async fn what_is_there_and_what_is_for_a_person_is_left_alone() {
    let system = System::lacking(&[("field", 0), ("right", 0)]);
    {
        let mut things = system.things.lock().unwrap();
        things[0].state = StepState::Present;
        things[1].state = StepState::ByHand("tick the box".into());
    }
    let (carried, seconds) = carry_out(&system).await;
    assert!(matches!(carried.end, End::Settled));
    assert_eq!((system.told(), seconds), (vec!["plan".to_owned()], 0));
}

#[tokio::test]
async fn a_system_that_is_never_ready_costs_the_time_given_and_no_more() {
    let system = System::lacking(&[("key", 1000)]);
    let (carried, seconds) = carry_out(&system).await;
    assert!(matches!(carried.end, End::OutOfTime));
    assert!((585..=600).contains(&seconds), "{seconds}");
    assert_eq!(carried.made, ["key"]);
    assert_eq!(carried.plan.steps[0].state, StepState::Settling);
}

#[tokio::test]
async fn trouble_that_passes_at_any_call_is_waited_for_and_nothing_is_made_twice() {
    for kind in [
        ErrorKind::Throttled,
        ErrorKind::Unreachable,
        ErrorKind::Broken,
        ErrorKind::Conflict,
    ] {
        for call in 1..=4 {
            let system = System::lacking(&[("field", 0), ("key", 0)]).failing(call, error(kind));
            let (carried, _) = carry_out(&system).await;
            assert!(matches!(carried.end, End::Settled), "{kind:?} {call}");
            assert_eq!(carried.made, ["field", "key"], "{kind:?} {call}");
        }
    }
}

#[tokio::test]
async fn a_refusal_ends_it_at_once_and_later_steps_are_not_tried() {
    for kind in [
        ErrorKind::Unauthorized,
        ErrorKind::Misconfigured,
        ErrorKind::Rejected,
    ] {
        let system = System::lacking(&[("field", 0), ("key", 0)]).failing(2, error(kind));
        let (carried, seconds) = carry_out(&system).await;
        assert!(matches!(carried.end, End::Failed(error) if error.kind() == kind));
        assert_eq!(system.told(), ["plan", "field"]);
        assert_eq!((carried.made.len(), seconds), (0, 0));
    }
}

#[tokio::test]
async fn a_wait_the_other_side_asks_for_is_obeyed_or_ends_it_when_it_is_too_long() {
    for (asked, ends_well, rested) in [(120, true, 120), (601, false, 0)] {
        let slow = error(ErrorKind::Throttled).retry_after(Some(Duration::from_secs(asked)));
        let system = System::lacking(&[("field", 0)]).failing(1, slow);
        let (carried, seconds) = carry_out(&system).await;
        assert_eq!(matches!(carried.end, End::Settled), ends_well);
        assert_eq!(seconds, rested);
    }
}

#[tokio::test]
async fn what_was_forgotten_after_it_was_made_is_made_again() {
    let system = System::lacking(&[("field", 0)]);
    let clock = ManualClock::new(start());
    let work = Work {
        provisioner: &system,
        clock: &clock,
        until: start() + TimeDelta::minutes(10),
        take_over: false,
    };
    let mut forgot = false;
    let carried = work
        .carry_out(&mut |news| {
            if matches!(news, News::Made(_)) && !forgot {
                forgot = true;
                system.things.lock().unwrap()[0].state = StepState::Missing;
            }
        })
        .await;
    assert!(matches!(carried.end, End::Settled));
    assert_eq!(carried.made, ["field"]);
    assert_eq!(system.told().iter().filter(|call| *call == "field").count(), 2);
}

/// Somebody else has the first thing; the second is missing.
fn taken(take_over: bool, stubborn: bool) -> System {
    let system = System {
        take_over,
        stubborn,
        ..System::lacking(&[("registration", 0), ("field", 0)])
    };
    system.things.lock().unwrap()[0].state = StepState::Taken("contoso.example".to_owned());
    system
}

#[tokio::test]
async fn what_somebody_else_has_is_left_to_them_unless_told_otherwise() {
    let left = taken(false, false);
    let (carried, _) = carry_out(&left).await;
    assert!(matches!(carried.end, End::Settled));
    assert_eq!(carried.made, ["field"]);
    assert!(!left.told().contains(&"registration".to_owned()));

    let (carried, _) = carry_out(&taken(true, false)).await;
    assert_eq!(carried.made, ["registration", "field"]);
    assert!(
        carried
            .plan
            .steps
            .iter()
            .all(|step| step.state == StepState::Present)
    );
}

#[tokio::test]
async fn nobody_is_fought_over_what_there_is_only_one_of() {
    let stubborn = taken(true, true);
    let (carried, _) = carry_out(&stubborn).await;
    let takings = stubborn
        .told()
        .iter()
        .filter(|told| *told == "registration")
        .count();
    assert_eq!(takings, 1);
    assert!(matches!(carried.end, End::Settled));
    assert!(matches!(carried.plan.steps[0].state, StepState::Taken(_)));
}
