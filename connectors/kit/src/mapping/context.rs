//! What an expression sees of a lead: the paths it names, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Object, Value};

use crate::delivery::LeadDelivery;
use crate::nearest::did_you_mean;

use super::compile::Personal;
use super::expression::{Expression, is_scalar};
use super::item::{Item, iso};
use super::path::Path;

/// An expression over a lead.
#[derive(Debug)]
pub(super) struct LeadExpression {
    expression: Expression,
    names: Vec<Name>,
}

/// A name in the expression and the place it stands for.
#[derive(Debug)]
struct Name {
    group: Option<String>,
    leaf: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Path(Path),
    /// `touch.extra`, with whatever names it holds.
    Extras,
}

impl LeadExpression {
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        let expression = Expression::compile(source)?;
        let names = expression
            .names()
            .iter()
            .map(|name| Name::parse(name))
            .collect::<Result<_, _>>()?;
        Ok(Self { expression, names })
    }

    /// What of it could tell of a person.
    pub(super) fn personal(&self) -> Personal {
        let names = self.names.iter().map(|name| match &name.place {
            Place::Path(path) => Personal::of(path),
            Place::Extras => Personal::Always,
        });
        names.max().unwrap_or_default()
    }

    pub(super) fn evaluate(&self, delivery: &LeadDelivery) -> Result<Item<'static>, String> {
        let mut root: BTreeMap<&str, Value> = BTreeMap::new();
        let mut groups: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
        for name in &self.names {
            let home = match &name.group {
                Some(group) => groups.entry(group).or_default(),
                None => &mut root,
            };
            home.insert(&name.leaf, name.place.read(delivery));
        }
        root.extend(groups.into_iter().map(|(name, group)| (name, Value::from(group))));
        item(&self.expression.evaluate(Value::from(root))?)
    }
}

impl Name {
    /// `person.email` and `raw.email`, `touch.extra.PlanId` and `touch.extra["Plan Id"]`, `id`.
    fn parse(name: &str) -> Result<Self, String> {
        let (group, leaf) = match name.split_once('.') {
            Some((group, leaf)) => (Some(group.to_owned()), leaf),
            None => (None, name),
        };
        let place = if name == "touch.extra" || name.starts_with("touch.extra.") {
            Place::Extras
        } else {
            Place::Path(path(name, group.as_deref(), leaf)?)
        };
        let leaf = if matches!(place, Place::Extras) {
            "extra"
        } else {
            leaf
        };
        Ok(Self {
            group,
            leaf: leaf.to_owned(),
            place,
        })
    }
}

fn path(name: &str, group: Option<&str>, leaf: &str) -> Result<Path, String> {
    if let ("person" | "touch" | "referral" | "raw", None) = (name, group) {
        return Err(format!(
            "`{name}` is a group; name its member with a dot, like `{name}.{}`",
            match name {
                "touch" => "offer",
                "referral" => "state",
                _ => "email",
            }
        ));
    }
    if group == Some("raw") {
        return Path::parse(&format!("person.{leaf}.raw")).map_err(|_| {
            let fields = [
                "first_name",
                "last_name",
                "email",
                "phone",
                "country",
                "company",
                "title",
            ];
            format!("a lead has no `{name}`{}", did_you_mean(leaf, fields))
        });
    }
    match name
        .strip_prefix("person.")
        .and_then(|rest| rest.strip_suffix(".raw"))
    {
        Some(field) => Err(format!("in an expression write `raw.{field}`")),
        None => Path::parse(name),
    }
}

impl Place {
    fn read(&self, delivery: &LeadDelivery) -> Value {
        let path = match self {
            Self::Path(path) => path,
            Self::Extras => {
                let extra = delivery.lead.latest().map(|touch| touch.extra.clone());
                return Value::from_object(Extras(extra.unwrap_or_default()));
            }
        };
        match path.read(delivery).item {
            Item::Empty => Value::from(""),
            Item::Text(text) => Value::from(text.as_ref()),
            Item::Whole(number) => Value::from(number),
            Item::Fraction(number) => Value::from(number),
            Item::Flag(flag) => Value::from(flag),
            Item::Moment(at) => Value::from(iso(at)),
            Item::Day(day) => Value::from(day.to_string()),
        }
    }
}

/// Unknown members of a touch; the absent ones are empty, as everywhere in a lead.
#[derive(Debug)]
struct Extras(BTreeMap<String, String>);

impl Object for Extras {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let text = self.0.get(key.as_str()?).map_or("", String::as_str);
        Some(Value::from(
            &text[..text.floor_char_boundary(crate::lead::FIELD_CAP_BYTES)],
        ))
    }
}

fn item(value: &Value) -> Result<Item<'static>, String> {
    if !is_scalar(value) {
        return Err("the expression gives a list or an object, and a field holds one value".to_owned());
    }
    if value.is_none() {
        return Ok(Item::Empty);
    }
    if let Some(text) = value.as_str() {
        return Ok(Item::text(text.to_owned()));
    }
    if let Ok(flag) = bool::try_from(value.clone()) {
        return Ok(Item::Flag(flag));
    }
    if let Some(number) = value.as_i64()
        && value.is_integer()
    {
        return Ok(Item::Whole(number));
    }
    match f64::try_from(value.clone()) {
        Ok(number) if number.is_finite() => Ok(Item::Fraction(number)),
        _ => Err("the expression gives a number that is out of range".to_owned()),
    }
}
