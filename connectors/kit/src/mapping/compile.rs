//! The operator's table is checked and made ready, once, at load.

use std::collections::BTreeMap;

use crate::error::ConfigError;
use crate::lead::Lead;

use super::context::LeadExpression;
use super::function::Function;
use super::path::{Path, PersonField};
use super::{FieldRule, Overflow, Tables, Write};

/// A mapping that is known to make sense.
#[derive(Debug)]
pub struct Mapping {
    pub(super) fields: Vec<Field>,
}

/// One field, ready to be filled.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) target: String,
    pub(super) origin: Origin,
    pub(super) pipe: Vec<Function>,
    pub(super) default: Option<serde_json::Value>,
    pub(super) required: bool,
    pub(super) max_length: Option<usize>,
    pub(super) on_overflow: Overflow,
    pub(super) write: Write,
    /// Whether it is made from what a do-not-contact record must not hold.
    pub(super) personal: Personal,
    /// It stays empty for every lead without a referral.
    pub(super) of_referral: bool,
}

/// Whether a value could tell of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Personal {
    #[default]
    Never,
    /// Only where the lead has a referral.
    WithReferral,
    Always,
}

impl Personal {
    pub(super) fn of(path: &Path) -> Self {
        match (path.is_personal(), path.is_of_referral()) {
            (false, _) => Self::Never,
            (true, true) => Self::WithReferral,
            (true, false) => Self::Always,
        }
    }
}

/// Where a value begins.
#[derive(Debug)]
pub(super) enum Origin {
    /// With `default`, or with the first function.
    Nothing,
    Path(Path),
    Expression(LeadExpression),
}

impl Mapping {
    /// Checks and compiles `[mapping]`; the first mistake names its key (`mapping.Email.pipe[1]`).
    pub fn parse(rules: &BTreeMap<String, FieldRule>, tables: &Tables) -> Result<Self, ConfigError> {
        let mut fields = Vec::with_capacity(rules.len());
        for (target, rule) in rules {
            fields.push(field(target, rule, tables)?);
        }
        Ok(Self { fields })
    }

    /// Every field with a mistake in it, for a config check that tells all at once.
    pub fn mistakes(rules: &BTreeMap<String, FieldRule>, tables: &Tables) -> Vec<ConfigError> {
        rules
            .iter()
            .filter_map(|(target, rule)| field(target, rule, tables).err())
            .collect()
    }

    /// The fields a record may get, in the order they are written.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.target.as_str())
    }

    /// Those of them that are made from the person or from free text: what a connector empties in the
    /// record of this lead when it must not be contacted. What only a referral could have filled is not
    /// among them where the lead has none.
    pub fn personal<'a>(&'a self, lead: &Lead) -> impl Iterator<Item = &'a str> {
        let least = if lead.referral().is_some() {
            Personal::WithReferral
        } else {
            Personal::Always
        };
        let personal = self.fields.iter().filter(move |field| field.personal >= least);
        personal.map(|field| field.target.as_str())
    }

    /// Those of them that stay empty for every lead without a referral: until one comes, nobody misses
    /// them in the other system.
    pub fn of_referrals(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter().filter(|field| field.of_referral);
        fields.map(|field| field.target.as_str())
    }
}

fn field(target: &str, rule: &FieldRule, tables: &Tables) -> Result<Field, ConfigError> {
    let key = |part: &str| format!("mapping.{}{part}", segment(target));
    if target.trim().is_empty() {
        return Err(ConfigError::new(key(""), "the field needs a name"));
    }
    let origin = origin(rule, &key)?;
    let pipe = pipe(rule, tables, &origin, &key)?;
    if matches!(origin, Origin::Nothing) && pipe.is_empty() && rule.default.is_none() {
        return Err(ConfigError::new(
            key(""),
            "give the field `from`, `expr` or `default`",
        ));
    }
    if rule.max_length == Some(0) {
        return Err(ConfigError::new(
            key(".max_length"),
            "a field takes at least 1 character",
        ));
    }
    let default = default(rule).map_err(|message| ConfigError::new(key(".default"), message))?;
    Ok(Field {
        target: target.to_owned(),
        personal: personal(&origin, &pipe),
        of_referral: default.is_none() && is_of_referral(&origin, &pipe),
        origin,
        pipe,
        default,
        required: rule.required,
        max_length: rule.max_length,
        on_overflow: rule.on_overflow,
        write: rule.write,
    })
}

fn personal(origin: &Origin, pipe: &[Function]) -> Personal {
    let first = match origin {
        Origin::Nothing => Personal::Never,
        Origin::Path(path) => Personal::of(path),
        Origin::Expression(expression) => expression.personal(),
    };
    let more = pipe.iter().flat_map(Function::paths).map(Personal::of);
    more.fold(first, Personal::max)
}

/// Nothing but a referral fills it. Of an expression nobody can tell.
fn is_of_referral(origin: &Origin, pipe: &[Function]) -> bool {
    let begins = match origin {
        Origin::Nothing => pipe.iter().any(|function| !function.paths().is_empty()),
        Origin::Path(path) => path.is_of_referral(),
        Origin::Expression(_) => false,
    };
    begins
        && pipe.iter().flat_map(Function::paths).all(Path::is_of_referral)
        && !pipe
            .iter()
            .any(|function| matches!(function, Function::Default(_)))
}

fn origin(rule: &FieldRule, key: &dyn Fn(&str) -> String) -> Result<Origin, ConfigError> {
    match (&rule.from, &rule.expr) {
        (Some(_), Some(_)) => Err(ConfigError::new(
            key(".expr"),
            "give either `from` or `expr`, not both",
        )),
        (Some(path), None) => Path::parse(path)
            .map(Origin::Path)
            .map_err(|message| ConfigError::new(key(".from"), message)),
        (None, Some(source)) => LeadExpression::compile(source)
            .map(Origin::Expression)
            .map_err(|message| ConfigError::new(key(".expr"), message)),
        (None, None) => Ok(Origin::Nothing),
    }
}

fn pipe(
    rule: &FieldRule,
    tables: &Tables,
    origin: &Origin,
    key: &dyn Fn(&str) -> String,
) -> Result<Vec<Function>, ConfigError> {
    let phone = matches!(origin, Origin::Path(Path::Person(PersonField::Phone)));
    let mut pipe = Vec::with_capacity(rule.pipe.len());
    for (index, text) in rule.pipe.iter().enumerate() {
        let place = || key(&format!(".pipe[{index}]"));
        let function = Function::parse(text, tables).map_err(|message| ConfigError::new(place(), message))?;
        let begins = matches!(function, Function::Join { .. } | Function::Default(_));
        if index == 0 && matches!(origin, Origin::Nothing) && !begins {
            return Err(ConfigError::new(
                place(),
                "without `from` or `expr` a pipe begins with join or default",
            ));
        }
        if phone && matches!(function, Function::Plain) {
            return Err(ConfigError::new(
                place(),
                "a phone number rightly begins with +; use e164 instead of plain",
            ));
        }
        pipe.push(function);
    }
    Ok(pipe)
}

fn default(rule: &FieldRule) -> Result<Option<serde_json::Value>, String> {
    let value = match &rule.default {
        None => return Ok(None),
        Some(toml::Value::String(text)) if text.is_empty() => {
            return Err("an empty text is no default; leave it out".to_owned());
        }
        Some(toml::Value::String(text)) => {
            if rule.max_length.is_some_and(|most| text.chars().count() > most) {
                return Err("the default is longer than max_length".to_owned());
            }
            text.clone().into()
        }
        Some(toml::Value::Integer(number)) => (*number).into(),
        Some(toml::Value::Boolean(flag)) => (*flag).into(),
        Some(toml::Value::Float(number)) => serde_json::Number::from_f64(*number)
            .map(serde_json::Value::Number)
            .ok_or("inf and nan cannot be written")?,
        Some(toml::Value::Datetime(at)) => at.to_string().into(),
        Some(toml::Value::Array(_) | toml::Value::Table(_)) => {
            return Err("a field holds one value: a text, a number or true/false".to_owned());
        }
    };
    Ok(Some(value))
}

/// A key as TOML writes it: bare where possible.
fn segment(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}
