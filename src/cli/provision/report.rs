//! How it stands at one system, for people and for programs.

use connector_kit::readiness::Check;
use connector_kit::{ErrorKind, Plan, Step, StepState};
use serde_json::json;

use super::super::screen;
use super::carry_out::{Carried, End};
use crate::config::ConnectorFile;

/// How it ended, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Everything is there.
    Done,
    /// The rest is for a person.
    ByHand,
    /// Something is missing or not usable yet.
    Unfinished,
    /// Nobody answers.
    Unanswered,
    /// We are not allowed to.
    Refused,
}

/// What is told of one system.
pub(super) struct Report {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    kind: String,
    plan: Plan,
    made: Vec<String>,
    failure: Option<Check>,
    applied: bool,
}

impl Report {
    pub(super) fn new(file: &ConnectorFile, carried: Carried, applied: bool) -> Self {
        Self {
            name: file.name.clone(),
            kind: file.kind.clone(),
            verdict: verdict(&carried),
            failure: match &carried.end {
                End::Failed(error) => Some(Check::of_error("provision", error)),
                End::Settled | End::OutOfTime => None,
            },
            plan: carried.plan,
            made: carried.made,
            applied,
        }
    }

    /// How what somebody else has is taken from them.
    fn take_over(&self) -> String {
        format!("leadsync provision {} --apply --take-over", self.name)
    }

    /// Tells it to a person; what was made was told when it was made.
    pub(super) fn print(&self) {
        screen::line(format_args!("{}  ({})", self.name, self.kind));
        for step in &self.plan.steps {
            let what = screen::clean_whole(&step.what);
            screen::line(format_args!("  {:<8}  {what}", word(&step.state)));
            match &step.state {
                StepState::ByHand(how) => arrow(how),
                StepState::Taken(holder) => {
                    arrow(&format!("it belongs to {holder}"));
                    arrow(&format!("take it over: {}", self.take_over()));
                }
                _ => {}
            }
        }
        if let Some(failure) = &self.failure {
            screen::line(format_args!(
                "  {:<8}  {}",
                "failed",
                screen::clean_whole(&failure.found)
            ));
            arrow(&failure.remedy);
        }
        if self.verdict == Verdict::Done {
            screen::line("  everything is there");
        }
        if !self.applied && !self.plan.role.is_empty() {
            screen::line("  the least rights for daily work:");
            for right in &self.plan.role {
                screen::line(format_args!("    {}", screen::clean_whole(right)));
            }
        }
        screen::line("");
    }
}

/// What to do, below what it is about.
fn arrow(text: &str) {
    for (index, line) in text.lines().enumerate() {
        let sign = if index == 0 { "->" } else { "  " };
        screen::line(format_args!("  {:<8}  {sign} {}", "", screen::clean_whole(line)));
    }
}

fn verdict(carried: &Carried) -> Verdict {
    let any = |wanted: fn(&StepState) -> bool| carried.plan.steps.iter().any(|step| wanted(&step.state));
    match &carried.end {
        End::Failed(error) => match error.kind() {
            ErrorKind::Rejected | ErrorKind::Unauthorized | ErrorKind::Misconfigured => Verdict::Refused,
            _ => Verdict::Unanswered,
        },
        _ if any(|state| matches!(state, StepState::Missing | StepState::Settling)) => Verdict::Unfinished,
        _ if any(|state| matches!(state, StepState::ByHand(_) | StepState::Taken(_))) => Verdict::ByHand,
        _ => Verdict::Done,
    }
}

fn word(state: &StepState) -> &'static str {
    match state {
        StepState::Present => "present",
        StepState::Settling => "settling",
        StepState::Missing => "missing",
        StepState::Taken(_) => "taken",
        StepState::ByHand(_) => "by hand",
    }
}

/// All reports as one answer.
pub(super) fn as_json(reports: &[Report]) -> serde_json::Value {
    let step = |report: &Report, step: &Step| {
        let how = match &step.state {
            StepState::ByHand(how) => Some(how.clone()),
            StepState::Taken(holder) => {
                let take_over = report.take_over();
                Some(format!("it belongs to {holder}; take it over: {take_over}"))
            }
            _ => None,
        };
        json!({ "id": step.id, "what": step.what, "state": word(&step.state), "how": how })
    };
    let report = |report: &Report| {
        json!({
            "name": report.name, "kind": report.kind,
            "result": match report.verdict {
                Verdict::Done => "done",
                Verdict::ByHand => "by hand",
                Verdict::Unfinished => "unfinished",
                Verdict::Unanswered => "unanswered",
                Verdict::Refused => "refused",
            },
            "steps": report.plan.steps.iter().map(|planned| step(report, planned)).collect::<Vec<_>>(),
            "made": report.made, "role": report.plan.role,
            "error": report.failure.as_ref().map(|check| json!({ "found": check.found, "remedy": check.remedy })),
        })
    };
    json!({ "connectors": reports.iter().map(report).collect::<Vec<_>>() })
}
