//! `leadsync outcomes`: what became of leads in the CRMs, and what came of telling it to where they came from.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use connector_kit::{LeadId, Outcome, Stage};

use super::tables::Table;
use super::{Exit, Place, house, referrals, reports, screen};
use crate::store::sqlite::SqliteStore;
use crate::store::{OutcomeFilter, OutcomeRow, ReferralFilter, ReferralStory, Store};

/// Which outcomes.
#[derive(Debug, Args)]
pub(super) struct OutcomesArgs {
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only leads at this stage
    #[arg(long)]
    stage: Option<StageArg>,
    /// Everything that was ever said of this lead, oldest first
    #[arg(long, value_name = "LEAD")]
    lead: Option<LeadId>,
    /// Only those that could not be reported, with the reason and what to do
    #[arg(long, conflicts_with_all = ["stage", "lead"])]
    refused: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StageArg {
    Open,
    Accepted,
    Declined,
    Won,
    Lost,
    Gone,
}

impl From<StageArg> for Stage {
    fn from(stage: StageArg) -> Self {
        match stage {
            StageArg::Open => Self::Open,
            StageArg::Accepted => Self::Accepted,
            StageArg::Declined => Self::Declined,
            StageArg::Won => Self::Won,
            StageArg::Lost => Self::Lost,
            StageArg::Gone => Self::Gone,
        }
    }
}

/// What was said, and the referrals it concerns.
struct Answer {
    said: Vec<OutcomeRow>,
    referrals: Vec<ReferralStory>,
}

/// Lists what holds, newest first, or the history of one lead.
pub(super) fn outcomes(place: &Place, args: &OutcomesArgs) -> Result<(), Exit> {
    let filter = OutcomeFilter {
        lead: args.lead,
        stage: args.stage.map(Stage::from),
        limit: args.limit,
    };
    let refused = args.refused;
    let answer = house::ask(place, |store| async move {
        if refused {
            refusals(&store, filter.limit).await
        } else {
            all(&store, filter).await
        }
    })?;
    if place.json {
        screen::json(&answer.as_json());
    } else if answer.said.is_empty() && answer.referrals.is_empty() {
        screen::line(if refused {
            "no report was refused"
        } else {
            "no outcomes: no CRM has said anything of a lead yet"
        });
    } else {
        answer.print();
    }
    Ok(())
}

/// What was said, each lead with its referrals.
async fn all(store: &SqliteStore, filter: OutcomeFilter) -> Result<Answer, Exit> {
    let said = store.outcomes(filter).await?;
    let mut leads = BTreeSet::new();
    let mut referrals = Vec::new();
    for row in said.iter().filter(|row| leads.insert(row.lead)) {
        let of_lead = ReferralFilter {
            lead: Some(row.lead),
            ..ReferralFilter::default()
        };
        referrals.extend(referrals::stories(store, of_lead).await?);
    }
    Ok(Answer { said, referrals })
}

/// The referrals whose report was refused, and what holds for their leads.
async fn refusals(store: &SqliteStore, limit: usize) -> Result<Answer, Exit> {
    let filter = ReferralFilter {
        refused: true,
        limit,
        ..ReferralFilter::default()
    };
    let referrals = referrals::stories(store, filter).await?;
    let mut said: Vec<OutcomeRow> = Vec::new();
    for story in &referrals {
        if said.iter().all(|row| row.lead != story.row.lead) {
            said.extend(story.outcomes.iter().filter(|row| row.holds).cloned());
        }
    }
    Ok(Answer { said, referrals })
}

impl Answer {
    fn print(&self) {
        if !self.said.is_empty() {
            print(&self.said);
        }
        for (place, story) in self.referrals.iter().enumerate() {
            if place > 0 || !self.said.is_empty() {
                screen::line("");
            }
            reports::print(story, house::now());
        }
    }

    /// One entry per outcome, with the referrals of its lead; those of a lead nobody said anything of
    /// have an entry of their own.
    fn as_json(&self) -> serde_json::Value {
        let of_lead = |lead: LeadId| -> serde_json::Value {
            let concerned = self.referrals.iter().filter(|story| story.row.lead == lead);
            concerned.map(reports::as_json).collect()
        };
        let said = self.said.iter().map(|row| {
            let mut value = as_json(row);
            value["referrals"] = of_lead(row.lead);
            value
        });
        let silent = self.referrals.iter().filter(|story| {
            let lead = story.row.lead;
            self.said.iter().all(|row| row.lead != lead)
        });
        let silent = silent.map(
            |story| serde_json::json!({ "lead": story.row.lead, "referrals": [reports::as_json(story)] }),
        );
        said.chain(silent).collect()
    }
}

/// The table of outcomes, for this command and for `show`.
pub(super) fn print(rows: &[OutcomeRow]) {
    let mut table = Table::new(&[
        "LEAD", "CRM", "STAGE", "SAYS", "RECORD", "VALUE", "CLOSES", "CHANGED", "REASON",
    ]);
    for row in rows {
        let outcome = &row.outcome;
        let stage = outcome.stage.as_str();
        table.row(vec![
            row.lead.to_string(),
            row.source.to_string(),
            if row.holds {
                stage.to_owned()
            } else {
                format!("({stage})")
            },
            outcome.state.clone(),
            outcome.record.0.clone(),
            value(outcome),
            outcome.closes_on.map(|day| day.to_string()).unwrap_or_default(),
            outcome.changed_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            outcome.reason.clone().unwrap_or_default(),
        ]);
    }
    table.print();
}

/// What the deal is worth.
pub(super) fn value(outcome: &Outcome) -> String {
    let Some(value) = &outcome.value else {
        return String::new();
    };
    let currency = value.currency.as_deref().unwrap_or_default();
    format!("{} {currency}", value.amount).trim_end().to_owned()
}

/// One outcome as JSON.
pub(super) fn as_json(row: &OutcomeRow) -> serde_json::Value {
    let outcome = &row.outcome;
    serde_json::json!({
        "lead": row.lead, "source": row.source, "stage": outcome.stage, "holds": row.holds, "subject": outcome.subject,
        "record": outcome.record, "state": outcome.state, "value": outcome.value, "closes_on": outcome.closes_on,
        "reason": outcome.reason, "changed_at": outcome.changed_at.to_rfc3339(), "seen_at": row.seen_at.to_rfc3339(),
    })
}
