//! The escape hatch: one MiniJinja expression in a sandbox without loops, files or network.
//!
//! An expression is written by the operator and fed with text of strangers. So that no lead can
//! make it expensive (reliability T11: 16 MiB, 50 ms), there is nothing in the sandbox that
//! multiplies text: no `*`, no loops, no functions, and only the filters named here.

use std::sync::LazyLock;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, UndefinedBehavior};

use crate::nearest::did_you_mean;

use super::function::{first_graphemes, plain, replace_newlines};
use super::item::RESULT_CAP_BYTES;

/// Longest expression, in bytes. Every name costs at least two and gives at most 4 KiB.
const LONGEST: usize = 1000;

/// Instructions an expression may take.
const FUEL: u64 = 10_000;

const FILTERS: [&str; 18] = [
    "lower",
    "upper",
    "capitalize",
    "trim",
    "length",
    "first",
    "last",
    "int",
    "float",
    "string",
    "abs",
    "round",
    "default",
    "replace",
    "truncate",
    "times",
    "plain",
    "replace_newlines",
];

const TESTS: [&str; 8] = [
    "defined",
    "undefined",
    "none",
    "number",
    "string",
    "empty",
    "startingwith",
    "endingwith",
];

/// Words that may stand before a parenthesis without being called.
const KEYWORDS: [&str; 6] = ["and", "or", "not", "in", "if", "else"];

static SANDBOX: LazyLock<Environment<'static>> = LazyLock::new(sandbox);

/// An expression, checked and compiled.
pub struct Expression {
    compiled: minijinja::Expression<'static, 'static>,
    source: String,
    names: Vec<String>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

impl Expression {
    /// Checks and compiles; the error says what would be right.
    pub fn compile(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        check_words(source)?;
        let compiled = SANDBOX
            .compile_expression_owned(source.to_owned())
            .map_err(|error| {
                error
                    .detail()
                    .unwrap_or("the expression cannot be read")
                    .to_owned()
            })?;
        let mut names: Vec<String> = compiled.undeclared_variables(true).into_iter().collect();
        names.sort();
        Ok(Self {
            compiled,
            source: source.to_owned(),
            names,
        })
    }

    /// The dotted names the expression reads, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Evaluates over `context`. The error never quotes a value.
    pub fn evaluate(&self, context: Value) -> Result<Value, String> {
        let value = self
            .compiled
            .eval(context)
            .map_err(|error| error.kind().to_string())?;
        if value.is_undefined() {
            return Err("the expression names something that is not there".to_owned());
        }
        Ok(value)
    }
}

fn sandbox() -> Environment<'static> {
    use minijinja::{filters, tests};
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.add_filter("lower", filters::lower);
    env.add_filter("upper", filters::upper);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("trim", filters::trim);
    env.add_filter("length", filters::length);
    env.add_filter("first", filters::first);
    env.add_filter("last", filters::last);
    env.add_filter("int", filters::int);
    env.add_filter("float", filters::float);
    env.add_filter("string", filters::string);
    env.add_filter("abs", filters::abs);
    env.add_filter("round", filters::round);
    env.add_filter("default", or_default);
    env.add_filter("replace", replace);
    env.add_filter("truncate", |text: String, count: usize| {
        first_graphemes(&text, count).to_owned()
    });
    env.add_filter("times", times);
    env.add_filter("plain", |text: String| plain(text.into()).into_owned());
    env.add_filter("replace_newlines", |text: String, with: Option<String>| {
        replace_newlines(&text, with.as_deref().unwrap_or(" "))
    });
    env.add_test("defined", tests::is_defined);
    env.add_test("undefined", tests::is_undefined);
    env.add_test("none", tests::is_none);
    env.add_test("number", tests::is_number);
    env.add_test("string", tests::is_string);
    env.add_test("empty", |value: &Value| is_empty(value));
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("endingwith", tests::is_endingwith);
    env
}

/// Unlike MiniJinja's own, the empty text counts as missing: that is how a lead says nothing.
fn or_default(value: &Value, other: Value) -> Value {
    if is_empty(value) { other } else { value.clone() }
}

fn is_empty(value: &Value) -> bool {
    value.is_undefined() || value.is_none() || value.as_str() == Some("")
}

/// Numbers only: text times a number is how a sandbox runs out of memory.
fn times(left: f64, right: f64) -> Value {
    let product = left * right;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, so exact")]
    if product.fract() == 0.0 && product.abs() < 9_007_199_254_740_992.0 {
        return Value::from(product as i64);
    }
    Value::from(product)
}

/// Like MiniJinja's own, but the result obeys the cap while it grows.
fn replace(text: &str, from: &str, to: &str) -> Result<String, minijinja::Error> {
    if from.is_empty() {
        return Ok(text.to_owned());
    }
    let mut out = String::new();
    for (index, piece) in text.split(from).enumerate() {
        if index > 0 {
            out.push_str(to);
        }
        out.push_str(piece);
        if out.len() > RESULT_CAP_BYTES {
            return Err(minijinja::Error::new(
                minijinja::ErrorKind::InvalidOperation,
                "the result of replace is too long",
            ));
        }
    }
    Ok(out)
}

/// MiniJinja meets an unknown filter only when a lead comes by, so the words are looked at here.
fn check_words(source: &str) -> Result<(), String> {
    let mut before = String::new();
    let mut rest = source;
    while let Some(letter) = rest.chars().next() {
        let word_length = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let length = match letter {
            '"' | '\'' => literal_length(rest),
            '*' => return Err("`*` is not allowed here; multiply numbers with `|times(n)`".to_owned()),
            // MiniJinja does not tell which names a slice reads, and we must know all of them.
            ':' => return Err("slices are not allowed here; use `|truncate(n)`".to_owned()),
            _ => word_length.max(letter.len_utf8()),
        };
        let token = &rest[..length];
        rest = &rest[length..];
        if word_length > 0 {
            check_word(token, &before, rest.trim_start().starts_with('('))?;
        }
        let is_not = token == "not" && before == "is";
        if !token.trim().is_empty() && !is_not {
            token.clone_into(&mut before);
        }
    }
    Ok(())
}

fn check_word(word: &str, before: &str, called: bool) -> Result<(), String> {
    let negation = before == "is" && word == "not";
    match before {
        "|" if !FILTERS.contains(&word) => Err(format!(
            "there is no filter `{word}`{}",
            did_you_mean(word, FILTERS)
        )),
        "is" if !negation && !TESTS.contains(&word) => {
            Err(format!("there is no test `{word}`{}", did_you_mean(word, TESTS)))
        }
        "|" | "is" => Ok(()),
        _ if called && FILTERS.contains(&word) => Err(format!("`{word}` is a filter: write value|{word}")),
        _ if called && !KEYWORDS.contains(&word) => Err(format!(
            "there are no functions, so `{word}(..)` cannot be called"
        )),
        _ => Ok(()),
    }
}

/// The bytes of the literal that `rest` begins with, quotes included.
fn literal_length(rest: &str) -> usize {
    let quote = rest.chars().next();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            _ if Some(letter) == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether the value is one a field can hold, or a condition can be.
pub(super) fn is_scalar(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::None | ValueKind::Bool | ValueKind::Number | ValueKind::String
    )
}

#[cfg(test)]
mod tests;
