//! The columns our leads need, as provisioner and doctor look for them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use connector_kit::mapping::{FieldRule, ValueKind};

use crate::catalog::LENGTHS;
use crate::choices::Choices;
use crate::columns::BIND;
use crate::config::Settings;

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
    /// Nothing is written there before a lead comes with a referral.
    pub for_referrals: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text of at least so many UTF-16 units.
    Text(usize),
    /// A moment.
    Moment,
    /// A day, the same for everybody.
    Day,
    /// Yes or no.
    Flag,
    /// A whole number.
    Whole,
    /// A number with a fraction, of no currency.
    Decimal,
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
            Self::Moment | Self::Day => "DateTime",
            Self::Flag => "Boolean",
            Self::Whole => "Integer",
            Self::Decimal => "Decimal",
            Self::Choice => "Picklist",
            Self::Any => "",
        }
    }
}

/// The key column first, then those of the mapping and the do-not-contact marks, by name. Lookups are
/// not among them: a navigation property is no column.
pub(crate) fn wanted(
    rules: &BTreeMap<String, FieldRule>,
    for_referrals: &BTreeSet<String>,
    own: &Settings,
) -> Vec<Wanted> {
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
            for_referrals: for_referrals.contains(name),
        };
        columns.insert(name, column);
    }
    for name in &own.do_not_contact.columns {
        columns.entry(name).or_insert_with(|| Wanted {
            name: name.clone(),
            kind: Kind::Flag,
            ours: name.starts_with(&prefix),
            values: Vec::new(),
            for_referrals: false,
        });
    }
    let key = Wanted {
        name: own.key_column.clone(),
        kind: Kind::Text(KEY_UNITS),
        ours: true,
        values: Vec::new(),
        for_referrals: false,
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
    if !ours {
        return Kind::Any;
    }
    match rule.value_kind() {
        ValueKind::Text => Kind::Text(TEXT_UNITS),
        ValueKind::Whole => Kind::Whole,
        ValueKind::Decimal => Kind::Decimal,
        ValueKind::Flag => Kind::Flag,
        ValueKind::Moment => Kind::Moment,
        ValueKind::Day => Kind::Day,
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
        let none = BTreeSet::new();
        wanted(
            &toml::from_str(mapping).unwrap(),
            &none,
            &toml::from_str(&own).unwrap(),
        )
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
                       lsync_value = { from = 'referral.value' }\nlsync_closes = { from = 'referral.closes_on' }\n\
                       lsync_due = { from = 'referral.answer_due' }\nlsync_visible = { from = 'referral.shared_with_sellers' }\n\
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
            ("lsync_value", Kind::Decimal),
            ("lsync_closes", Kind::Day),
            ("lsync_due", Kind::Moment),
            ("lsync_visible", Kind::Flag),
        ] {
            assert_eq!(found[name], kind, "{name}");
        }
        assert_eq!(found.len(), 12, "a lookup is no column");
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
