//! The columns our leads need, as provisioner and doctor look for them. Pure.

use std::collections::BTreeMap;

use connector_kit::mapping::FieldRule;

use crate::catalog::LENGTHS;
use crate::choices::Choices;
use crate::columns::{BIND, MOMENTS};
use crate::config::Settings;

/// Paths that give a flag, and paths that give a whole number.
const FLAGS: [&str; 3] = ["dnc", "hot", "touch.dnc"];
const WHOLES: [&str; 2] = ["revision", "touches"];
/// A text column of ours is so long where the mapping does not say.
const TEXT_UNITS: usize = 200;
/// The key column: short enough for an index, and ready for other keys than ours.
const KEY_UNITS: usize = 100;

/// One column a record needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its logical name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// It has our prefix, so `provision` makes it.
    pub ours: bool,
    /// Values of a choice that are written.
    pub values: Vec<i64>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text of at least so many UTF-16 units.
    Text(usize),
    /// A moment.
    Moment,
    /// Yes or no.
    Flag,
    /// A whole number.
    Whole,
    /// A number with a label.
    Choice,
    /// Whatever it is there.
    Any,
}

impl Kind {
    /// Dataverse's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text(_) => "String",
            Self::Moment => "DateTime",
            Self::Flag => "Boolean",
            Self::Whole => "Integer",
            Self::Choice => "Picklist",
            Self::Any => "",
        }
    }
}

/// The key column first, then those of the mapping and the do-not-contact marks, by name. Lookups are
/// not among them: a navigation property is no column.
pub(crate) fn wanted(rules: &BTreeMap<String, FieldRule>, own: &Settings) -> Vec<Wanted> {
    let choices = Choices::new(&own.choices);
    let prefix = format!("{}_", own.prefix());
    let mut columns: BTreeMap<&str, Wanted> = BTreeMap::new();
    for (name, rule) in rules.iter().filter(|(name, _)| !name.ends_with(BIND)) {
        let ours = name.starts_with(&prefix);
        let kind = kind(name, rule, ours, own, &choices);
        let values = if kind == Kind::Choice {
            values(name, rule, own, &choices)
        } else {
            Vec::new()
        };
        let column = Wanted {
            name: name.clone(),
            kind,
            ours,
            values,
        };
        columns.insert(name, column);
    }
    for name in &own.do_not_contact.columns {
        columns.entry(name).or_insert_with(|| Wanted {
            name: name.clone(),
            kind: Kind::Flag,
            ours: name.starts_with(&prefix),
            values: Vec::new(),
        });
    }
    let key = Wanted {
        name: own.key_column.clone(),
        kind: Kind::Text(KEY_UNITS),
        ours: true,
        values: Vec::new(),
    };
    std::iter::once(key).chain(columns.into_values()).collect()
}

fn kind(name: &str, rule: &FieldRule, ours: bool, own: &Settings, choices: &Choices) -> Kind {
    if choices.has(name) {
        return Kind::Choice;
    }
    let known = LENGTHS
        .iter()
        .find(|(column, _)| *column == name)
        .map(|(_, units)| *units);
    let length = own.lengths.get(name).copied().or(known);
    let most = match (rule.max_length, length) {
        (Some(wanted), Some(length)) => Some(wanted.min(length)),
        (wanted, length) => wanted.or(length),
    };
    if let Some(units) = most {
        return Kind::Text(units);
    }
    let from = rule
        .from
        .as_deref()
        .filter(|_| rule.pipe.is_empty())
        .unwrap_or_default();
    match &rule.default {
        _ if !ours => Kind::Any,
        _ if MOMENTS.contains(&from) => Kind::Moment,
        _ if FLAGS.contains(&from) => Kind::Flag,
        _ if WHOLES.contains(&from) => Kind::Whole,
        Some(toml::Value::Boolean(_)) => Kind::Flag,
        Some(toml::Value::Integer(_)) => Kind::Whole,
        _ => Kind::Text(TEXT_UNITS),
    }
}

/// Every value the operator named for the column, and the one of the rule itself.
fn values(name: &str, rule: &FieldRule, own: &Settings, choices: &Choices) -> Vec<i64> {
    let named = own
        .choices
        .get(name)
        .into_iter()
        .flat_map(BTreeMap::values)
        .copied();
    let default = rule.default.as_ref().and_then(|default| {
        let value = serde_json::to_value(default).ok()?;
        choices.value(name, &value).ok()
    });
    let mut values: Vec<i64> = named.chain(default).collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mapping: &str, more: &str) -> Vec<Wanted> {
        let own = format!(
            "environment = 'https://h.example'\ntenant = 'c'\nclient_id = 'a'\nauth = {{}}\n\
             do_not_contact = {{ columns = ['donotemail'] }}\n{more}"
        );
        wanted(&toml::from_str(mapping).unwrap(), &toml::from_str(&own).unwrap())
    }

    fn kinds(mapping: &str) -> Vec<(String, Kind, bool)> {
        let columns = of(mapping, "").into_iter();
        columns
            .map(|column| (column.name, column.kind, column.ours))
            .collect()
    }

    #[test]
    fn the_key_and_the_marks_are_always_wanted() {
        let key = ("lsync_marketplaceleadid".to_owned(), Kind::Text(100), true);
        let mark = ("donotemail".to_owned(), Kind::Flag, false);
        assert_eq!(kinds(""), [key, mark]);
    }

    #[test]
    fn a_column_of_ours_has_the_type_its_rule_gives() {
        let mapping = "lsync_at = { from = 'last_at' }\nlsync_hot = { from = 'hot' }\n\
                       lsync_times = { from = 'touches' }\nlsync_offer = { from = 'touch.offer' }\n\
                       lsync_short = { from = 'touch.action', max_length = 30 }\n\
                       lsync_day = { from = 'last_at', pipe = ['date(\"%Y\")'] }\n\
                       'campaignid@odata.bind' = { default = '/campaigns(x)' }";
        let found: BTreeMap<_, _> = kinds(mapping)
            .into_iter()
            .map(|(name, kind, _)| (name, kind))
            .collect();
        for (name, kind) in [
            ("lsync_at", Kind::Moment),
            ("lsync_hot", Kind::Flag),
            ("lsync_times", Kind::Whole),
            ("lsync_offer", Kind::Text(200)),
            ("lsync_short", Kind::Text(30)),
            ("lsync_day", Kind::Text(200)),
        ] {
            assert_eq!(found[name], kind, "{name}");
        }
        assert_eq!(found.len(), 8, "a lookup is no column");
    }

    #[test]
    fn a_column_of_the_product_is_wanted_as_long_as_our_texts_are() {
        let mapping = "subject = { from = 'touch.lead_source', max_length = 100 }\njobtitle = { from = 'person.title' }";
        let found = kinds(mapping);
        assert!(found.contains(&("subject".to_owned(), Kind::Text(100), false)));
        assert!(found.contains(&("jobtitle".to_owned(), Kind::Text(100), false)));
    }

    #[test]
    fn a_choice_wants_every_value_that_may_be_written() {
        let columns = of(
            "leadsourcecode = { default = 'Web' }\nlsync_tier = { from = 'intent', default = 7 }",
            "choices = { lsync_tier = { trial = 5, acquired = 6 } }",
        );
        let found: BTreeMap<_, _> = columns
            .into_iter()
            .map(|column| (column.name, column.values))
            .collect();
        assert_eq!(
            (&found["leadsourcecode"], &found["lsync_tier"]),
            (&vec![8], &vec![5, 6, 7])
        );
    }
}
