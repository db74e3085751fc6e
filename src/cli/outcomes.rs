//! `leadsync outcomes`: what became of leads in the CRMs.

use clap::{Args, ValueEnum};
use connector_kit::{LeadId, Outcome, Stage};

use super::tables::Table;
use super::{Exit, Place, house, screen};
use crate::store::{OutcomeFilter, OutcomeRow, Store};

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

/// Lists what holds, newest first, or the history of one lead.
pub(super) fn outcomes(place: &Place, args: &OutcomesArgs) -> Result<(), Exit> {
    let filter = OutcomeFilter {
        lead: args.lead,
        stage: args.stage.map(Stage::from),
        limit: args.limit,
    };
    let rows = house::ask(place, |store| async move { Ok(store.outcomes(filter).await?) })?;
    if place.json {
        screen::json(&rows.iter().map(as_json).collect());
    } else if rows.is_empty() {
        screen::line("no outcomes: no CRM has said anything of a lead yet");
    } else {
        print(&rows);
    }
    Ok(())
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

fn value(outcome: &Outcome) -> String {
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
