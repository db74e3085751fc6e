//! `leadsync leads`: who came, and what became of them.

use clap::Args;
use connector_kit::lead::Said;

use super::tables::Table;
use super::{Exit, Place, house, screen};
use crate::store::{LeadFilter, LeadRow, Store};

/// Which leads.
#[derive(Debug, Args)]
pub(super) struct LeadsArgs {
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only fates that begin with this: pending, delivered, suppressed, dead, discarded
    #[arg(long)]
    fate: Option<String>,
}

/// Lists leads, newest first.
pub(super) fn leads(place: &Place, args: &LeadsArgs) -> Result<(), Exit> {
    let filter = LeadFilter {
        limit: args.limit,
        fate: args.fate.clone(),
    };
    let rows = house::ask(place, |store| async move { Ok(store.leads(filter).await?) })?;
    if place.json {
        screen::json(&rows.iter().map(as_json).collect());
        return Ok(());
    }
    if rows.is_empty() {
        screen::line("no leads");
        return Ok(());
    }
    let mut table = Table::new(&["LEAD", "SINCE", "FATE", "INTENT", "NAME", "COMPANY", "OFFER"]);
    for row in &rows {
        let person = &row.lead.person;
        let name = [text(person.first_name.as_ref()), text(person.last_name.as_ref())].join(" ");
        table.row(vec![
            row.lead.id.to_string(),
            row.lead.first_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            row.fate.clone(),
            row.lead.intent.as_str().to_owned(),
            name.trim().to_owned(),
            text(person.company.as_ref()).to_owned(),
            row.lead
                .latest()
                .map(|touch| touch.offer.clone())
                .unwrap_or_default(),
        ]);
    }
    table.print();
    Ok(())
}

fn text(said: Option<&Said>) -> &str {
    said.map_or("", |said| said.value.as_str())
}

/// One lead as JSON, with its fate.
pub(super) fn as_json(row: &LeadRow) -> serde_json::Value {
    serde_json::json!({
        "id": row.lead.id,
        "fate": row.fate,
        "revision": row.revision,
        "revised_at": row.revised_at.to_rfc3339(),
        "lead": row.lead,
    })
}
