//! How a plan is told: for people field by field with an example, for programs in full.

use connector_kit::{ConnectorError, DestinationName, RenderedValue};
use serde_json::{Value, json};

use crate::cli::screen::{self, Colour};
use crate::compare::plan::{Change, DestinationPlan, FieldChange, LeadChange};

type Plans = [(DestinationName, DestinationPlan)];

/// A value on a line; longer ones are cut, in `--json` they are whole.
const VALUE: usize = 60;

/// Tells people.
pub(super) fn print(against: &str, plans: &Plans, verbose: bool) {
    screen::line(match against {
        "" => "no config is in force here yet: everything that would be written is new".to_owned(),
        against => format!(
            "the config on disk, held against {}; nothing is sent",
            screen::clean(against)
        ),
    });
    if plans.is_empty() {
        screen::line("there is no destination in the config");
    }
    for (name, plan) in plans {
        screen::line("");
        screen::line(format_args!("{name}  ({})", plan.kind));
        destination(plan);
        if verbose {
            plan.changes.iter().for_each(lead);
        }
    }
}

fn destination(plan: &DestinationPlan) {
    let of = |count: usize| format!("  {count} of {} leads", plan.leads);
    screen::line(format_args!("{} go there", of(plan.taken)));
    let joins = plan.count(|change| matches!(change, Change::Joins(_)));
    let leaves = plan.count(|change| matches!(change, Change::Leaves));
    let heals = plan.count(|change| matches!(change, Change::Heals(_)));
    for (count, words) in [
        (joins, "would go there now"),
        (leaves, "would go there no longer"),
        (heals, "would no longer become dead letters"),
    ] {
        if count > 0 {
            screen::line(format_args!("{} {words}", of(count)));
        }
    }
    for (name, (count, example)) in plan.fields() {
        let name = screen::clean(name);
        screen::line(format_args!(
            "{} change: {name}, as {}",
            of(count),
            arrow(example)
        ));
    }
    for (count, error) in failures(plan) {
        let text = format!(
            "{} would become dead letters: {}",
            of(count),
            screen::clean_whole(&error.to_string())
        );
        screen::line(Colour::Red.over(&text));
        if let Some(hint) = error.hint_text() {
            screen::line(format_args!("    -> {}", screen::clean_whole(hint)));
        }
    }
    if plan.changes.is_empty() {
        screen::line("  nothing changes");
    }
}

/// Each way in which leads would fail, and how many of them.
fn failures(plan: &DestinationPlan) -> Vec<(usize, &ConnectorError)> {
    let mut counted: Vec<(usize, &ConnectorError)> = Vec::new();
    for change in &plan.changes {
        let Change::Fails(error) = &change.what else {
            continue;
        };
        let same = counted
            .iter_mut()
            .find(|(_, known)| known.to_string() == error.to_string());
        match same {
            Some((count, _)) => *count += 1,
            None => counted.push((1, error)),
        }
    }
    counted
}

fn lead(change: &LeadChange) {
    let (words, fields) = match &change.what {
        Change::Joins(fields) => ("would go there now", fields.as_slice()),
        Change::Leaves => ("would go there no longer", [].as_slice()),
        Change::Fields(fields) => ("", fields.as_slice()),
        Change::Heals(fields) => ("would no longer become a dead letter", fields.as_slice()),
        Change::Fails(_) => ("would become a dead letter", [].as_slice()),
    };
    screen::line(format_args!("  lead {}  {words}", change.lead));
    for field in fields {
        screen::line(format_args!(
            "    {}: {}",
            screen::clean(&field.field),
            arrow(field)
        ));
    }
    if let Change::Fails(error) = &change.what {
        screen::line(format_args!("    {}", screen::clean_whole(&error.to_string())));
    }
}

/// `old -> new`; what is not written is told in words.
fn arrow(field: &FieldChange) -> String {
    let told = |value: Option<&RenderedValue>| value.map_or_else(|| "(not written)".to_owned(), text);
    format!(
        "{} -> {}",
        told(field.before.as_ref()),
        told(field.after.as_ref())
    )
}

fn text(value: &RenderedValue) -> String {
    let whole = match value {
        RenderedValue::Fixed(Value::Null) => return "(emptied)".to_owned(),
        RenderedValue::LookedUp(what) => format!("(looked up: {what})"),
        RenderedValue::Fixed(Value::String(text)) if text.trim() == text && !text.is_empty() => text.clone(),
        RenderedValue::Fixed(value) => value.to_string(),
    };
    let clean = screen::clean_whole(&whole);
    match clean.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// Tells programs.
pub(super) fn as_json(against: &str, plans: &Plans) -> Value {
    json!({
        "against": (!against.is_empty()).then_some(against),
        "fails": plans.iter().any(|(_, plan)| plan.fails()),
        "destinations": plans.iter().map(destination_json).collect::<Vec<_>>(),
    })
}

fn destination_json((name, plan): &(DestinationName, DestinationPlan)) -> Value {
    let fields = plan.fields().into_iter();
    let fields: serde_json::Map<String, Value> = fields
        .map(|(name, (count, _))| (name.to_owned(), count.into()))
        .collect();
    json!({
        "name": name, "kind": plan.kind, "leads": plan.leads, "taken": plan.taken, "fields": fields,
        "changes": plan.changes.iter().map(lead_json).collect::<Vec<_>>(),
    })
}

fn lead_json(change: &LeadChange) -> Value {
    let fields = |fields: &[FieldChange]| {
        let one = |field: &FieldChange| json!({ "field": field.field, "before": value(field.before.as_ref()), "after": value(field.after.as_ref()) });
        fields.iter().map(one).collect::<Vec<_>>()
    };
    match &change.what {
        Change::Joins(all) => json!({ "lead": change.lead, "what": "joins", "fields": fields(all) }),
        Change::Leaves => json!({ "lead": change.lead, "what": "leaves" }),
        Change::Fields(all) => json!({ "lead": change.lead, "what": "fields", "fields": fields(all) }),
        Change::Heals(all) => json!({ "lead": change.lead, "what": "heals", "fields": fields(all) }),
        Change::Fails(error) => json!({
            "lead": change.lead, "what": "fails", "why": error.to_string(), "remedy": error.hint_text(),
        }),
    }
}

/// What is written as `{"value": ..}`, what is looked up as `{"looked_up": ".."}`, and null where nothing is.
fn value(value: Option<&RenderedValue>) -> Value {
    match value {
        None => Value::Null,
        Some(RenderedValue::Fixed(value)) => json!({ "value": value }),
        Some(RenderedValue::LookedUp(what)) => json!({ "looked_up": what }),
    }
}
