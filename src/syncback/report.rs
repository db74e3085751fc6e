//! The worker of one sink: takes reports that are due, has them carried out, and writes how they ended.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::dice::Dice;
use connector_kit::{ConnectorError, DestinationName, ErrorKind};
use tracing::{error, info, warn};

use super::reported::{End, Reported};
use super::reporter::Reporter;
use crate::deliver::disposition::{Disposition, Patience, Situation, dispose};
use crate::deliver::purse::Purse;
use crate::runtime::{Bells, LONGEST_TALK, Next, Worker};
use crate::store::{
    DestinationGate, Failure, FinishOutcome, LeasedReports, ReferralKey, ReportAsk, ReportEnding,
    ReportFinished, ReportLease, ReportResult, StoreError,
};

/// Reports taken at once. Each costs a few calls, and they are made one after the other.
const BATCH: usize = 8;

/// What reporting to one sink takes.
pub struct ReportParts {
    /// Carries reports out.
    pub reporter: Reporter,
    /// When the sink may be called.
    pub purse: Arc<Purse>,
    /// What is done after a failure.
    pub patience: Patience,
    /// A report belongs to one worker for this long.
    pub lease: Duration,
    /// Gives chance.
    pub dice: Dice,
    /// Wakes whoever understands what referrals became, and whoever reminds the CRM.
    pub bells: Bells,
}

/// Reports to one sink.
pub struct ReportWorker {
    parts: ReportParts,
    label: String,
    sink: DestinationName,
}

impl ReportWorker {
    /// A worker that has not reported yet.
    pub fn new(parts: ReportParts) -> Self {
        Self {
            label: format!("report {}", parts.reporter.sink),
            sink: DestinationName::new(parts.reporter.sink.as_str()),
            parts,
        }
    }

    /// Carries out what is wanted of one referral now, for an operator who waits. None when nothing is
    /// wanted of it, or somebody else is at it.
    pub async fn carry_out(&self, only: ReferralKey) -> Result<Option<Reported>, StoreError> {
        let now = self.parts.reporter.clock.now();
        let leased = self.lease(Some(only), now).await?;
        let Some(lease) = leased.leases.into_iter().next() else {
            return Ok(None);
        };
        let reported = self.parts.reporter.carry_out(&lease).await?;
        self.finish(lease, &reported, &leased.gate).await?;
        Ok(Some(reported))
    }

    async fn lease(
        &self,
        only: Option<ReferralKey>,
        now: DateTime<Utc>,
    ) -> Result<LeasedReports, StoreError> {
        let ask = ReportAsk {
            max: if only.is_some() { 1 } else { BATCH },
            until: now + TimeDelta::from_std(self.parts.lease).unwrap_or(TimeDelta::minutes(2)),
            only,
        };
        self.parts
            .reporter
            .store
            .lease_reports(&self.sink, ask, now)
            .await
    }

    /// Writes how it ended. The gate that holds from now on.
    async fn finish(
        &self,
        lease: ReportLease,
        reported: &Reported,
        gate: &DestinationGate,
    ) -> Result<Option<DestinationGate>, StoreError> {
        let now = self.parts.reporter.clock.now();
        let (result, next) = self.judge(&lease, reported, gate, now);
        self.tell(&lease, reported, &result, next.as_ref());
        let rings = !reported.steps.is_empty() || reported.remind_crm;
        let spent = self.parts.purse.take(now);
        let ending = ReportEnding {
            results: vec![ReportFinished {
                lease,
                result,
                agreed: reported.agreed.clone(),
                plan: reported.plan.clone(),
                order_done: reported.order_done,
                remind_crm: reported.remind_crm,
            }],
            gate: next.clone(),
            spent: Some(spent),
        };
        let store = &self.parts.reporter.store;
        let written = store.finish_reports(&self.sink, ending, now).await;
        if written.is_err() {
            self.parts.purse.give_back(&spent);
        }
        if written?.contains(&FinishOutcome::LeaseLost) {
            info!(event = "report_lease_lost", sink = %self.sink, "a report took longer than its lease; it is looked at again");
        }
        if rings {
            self.parts.bells.settle.ring();
            self.parts.bells.ring_deliver();
        }
        Ok(next)
    }

    /// What becomes of the report, and of the gate where that changes.
    fn judge(
        &self,
        lease: &ReportLease,
        reported: &Reported,
        gate: &DestinationGate,
        now: DateTime<Utc>,
    ) -> (ReportResult, Option<DestinationGate>) {
        let opened = (*gate != DestinationGate::Open).then_some(DestinationGate::Open);
        match &reported.end {
            End::Settled => (
                ReportResult::Settled,
                opened.filter(|_| !reported.steps.is_empty()),
            ),
            End::Refused(refusal) => {
                let result = ReportResult::Refused {
                    reason: refusal.reason.clone(),
                    hint: refusal.hint.clone(),
                };
                (result, opened.filter(|_| !reported.steps.is_empty()))
            }
            End::Waiting(until, reason) => {
                let result = ReportResult::Waiting {
                    until: *until,
                    reason: (*reason).to_owned(),
                };
                (result, opened)
            }
            End::LeaseLost => (ReportResult::Returned, None),
            End::Failed(error) => self.dispose(lease, error, gate, now),
        }
    }

    fn dispose(
        &self,
        lease: &ReportLease,
        error: &ConnectorError,
        gate: &DestinationGate,
        now: DateTime<Utc>,
    ) -> (ReportResult, Option<DestinationGate>) {
        let holds = match gate {
            DestinationGate::Held { holds, .. } => *holds,
            _ => 0,
        };
        let situation = Situation {
            attempts: lease.attempt,
            holds,
            chance: self.parts.dice.fraction(),
            now,
        };
        if error.kind() == ErrorKind::Throttled {
            self.parts.purse.refused();
        }
        let reason = format!("could not {error}");
        match dispose(error, &self.parts.patience, situation) {
            Disposition::Hold(until) => {
                let holds = holds + 1;
                let held = DestinationGate::Held { until, holds, reason };
                (ReportResult::Returned, Some(held))
            }
            Disposition::Park(hint) => (
                ReportResult::Returned,
                Some(DestinationGate::Parked { reason, hint }),
            ),
            Disposition::Retry(at) => (ReportResult::Retry(at, failure(error)), None),
            Disposition::DeadLetter(_) => {
                let hint = error
                    .hint_text()
                    .unwrap_or("look at it in Partner Center; any news of it is tried again");
                let hint = hint.to_owned();
                (ReportResult::Refused { reason, hint }, None)
            }
        }
    }

    fn tell(
        &self,
        lease: &ReportLease,
        reported: &Reported,
        result: &ReportResult,
        gate: Option<&DestinationGate>,
    ) {
        let (id, sink) = (&lease.referral.id, &self.sink);
        match result {
            ReportResult::Refused { reason, hint } => {
                warn!(event = "report_refused", referral.id = %id, sink = %sink, reason = ?reason, hint = ?hint, "an outcome cannot be reported to {sink}");
            }
            ReportResult::Waiting { until, reason } => {
                info!(event = "report_waits", referral.id = %id, sink = %sink, until = %until, reason, "an outcome waits to be reported to {sink}");
            }
            ReportResult::Retry(at, failure) => {
                warn!(event = "report_retry", referral.id = %id, sink = %sink, at = %at, kind = failure.kind.as_str(), error = ?failure.what, "an outcome did not get through to {sink}; it is tried again");
            }
            ReportResult::Returned => {
                if let Some(DestinationGate::Parked { reason, hint }) = gate {
                    error!(event = "sink_parked", sink = %sink, reason = ?reason, hint = ?hint, "{sink} takes no reports until it is released");
                } else if let End::Failed(error) = &reported.end {
                    warn!(event = "sink_rests", sink = %sink, kind = error.kind().as_str(), error = %error, "{sink} takes no reports for now");
                }
            }
            ReportResult::Settled => {}
        }
    }
}

fn failure(error: &ConnectorError) -> Failure {
    Failure {
        kind: error.kind(),
        what: error.to_string(),
        hint: error
            .hint_text()
            .unwrap_or("none needed: it is tried again")
            .to_owned(),
        answer: error.answer_text().map(str::to_owned),
    }
}

#[async_trait]
impl Worker for ReportWorker {
    fn name(&self) -> &str {
        &self.label
    }

    fn longest_step(&self) -> Duration {
        LONGEST_TALK
    }

    async fn step(&mut self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        let store = Arc::clone(&self.parts.reporter.store);
        let token = match self.parts.purse.draw_to_look(&*store, now).await? {
            Ok(token) => token,
            Err(at) => return Ok(Next::At(at)),
        };
        let leased = self.lease(None, now).await?;
        if leased.leases.is_empty() {
            // Nothing was asked of anybody: the token goes back.
            drop(token);
            return Ok(leased.next_at.map_or(Next::Idle, Next::At));
        }
        token.spend();
        let mut gate = leased.gate;
        let mut waiting = leased.leases.into_iter();
        for lease in waiting.by_ref() {
            let reported = self.parts.reporter.carry_out(&lease).await?;
            if let Some(next) = self.finish(lease, &reported, &gate).await? {
                gate = next;
            }
            if matches!(
                gate,
                DestinationGate::Held { .. } | DestinationGate::Parked { .. }
            ) {
                break;
            }
        }
        self.give_back(waiting.collect(), now).await?;
        Ok(Next::Again)
    }
}

impl ReportWorker {
    /// What was taken and not begun goes back for whoever comes next.
    async fn give_back(&self, leases: Vec<ReportLease>, now: DateTime<Utc>) -> Result<(), StoreError> {
        if leases.is_empty() {
            return Ok(());
        }
        let returned = leases.into_iter().map(|lease| ReportFinished {
            result: ReportResult::Returned,
            agreed: None,
            plan: Vec::new(),
            order_done: false,
            remind_crm: false,
            lease,
        });
        let ending = ReportEnding {
            results: returned.collect(),
            ..ReportEnding::default()
        };
        self.parts
            .reporter
            .store
            .finish_reports(&self.sink, ending, now)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
