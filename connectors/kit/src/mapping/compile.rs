//! The operator's table is checked and made ready, once, at load.

use std::collections::BTreeMap;

use crate::error::ConfigError;

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
    /// Made from what a do-not-contact record must not hold.
    pub(super) personal: bool,
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

    /// Those of them that are made from the person or from free text: what a connector empties in a
    /// record that must not be contacted.
    pub fn personal(&self) -> impl Iterator<Item = &str> {
        let personal = self.fields.iter().filter(|field| field.personal);
        personal.map(|field| field.target.as_str())
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
    let personal = match &origin {
        Origin::Nothing => false,
        Origin::Path(path) => path.is_personal(),
        Origin::Expression(expression) => expression.is_personal(),
    };
    Ok(Field {
        target: target.to_owned(),
        personal: personal || pipe.iter().flat_map(Function::paths).any(Path::is_personal),
        origin,
        pipe,
        default: default(rule).map_err(|message| ConfigError::new(key(".default"), message))?,
        required: rule.required,
        max_length: rule.max_length,
        on_overflow: rule.on_overflow,
        write: rule.write,
    })
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
