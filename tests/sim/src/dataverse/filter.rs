//! `$filter`: words, grammar and truth.

mod lexer;
pub(super) mod truth;

use std::collections::HashMap;

use serde_json::Value;

use super::answer::Refusal;
use lexer::{Token, tokens};

/// A condition on a row.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    /// A property, an operator, a value.
    Compare(String, Operator, Value),
    /// A function of a property and a text.
    Holds(Function, String, String),
    /// The property has one of these values.
    In(String, Vec<Value>),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

/// A function of two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    StartsWith,
    EndsWith,
}

/// Reads a filter; parameter aliases stand for literals.
pub(super) fn parse(text: &str, aliases: &HashMap<String, String>) -> Result<Expression, Refusal> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        aliases,
    };
    let expression = parser.or()?;
    if parser.at < parser.tokens.len() {
        return Err(Refusal::syntax());
    }
    Ok(expression)
}

impl Expression {
    /// Whether it is true, given the values of properties.
    pub(super) fn holds(&self, value: &impl Fn(&str) -> Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(value) && right.holds(value),
            Self::Or(left, right) => left.holds(value) || right.holds(value),
            Self::Not(inner) => !inner.holds(value),
            Self::Compare(name, operator, literal) => truth::compare(&value(name), *operator, literal),
            Self::Holds(function, name, text) => truth::function(*function, &value(name), text),
            Self::In(name, values) => {
                let value = value(name);
                values
                    .iter()
                    .any(|literal| truth::compare(&value, Operator::Eq, literal))
            }
        }
    }

    /// The properties it asks about.
    pub(super) fn properties(&self) -> Vec<&str> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                let mut both = left.properties();
                both.extend(right.properties());
                both
            }
            Self::Not(inner) => inner.properties(),
            Self::Compare(name, ..) | Self::Holds(_, name, _) | Self::In(name, _) => vec![name],
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    aliases: &'a HashMap<String, String>,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Expression, Refusal> {
        let mut left = self.and()?;
        while self.takes_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, Refusal> {
        let mut left = self.unary()?;
        while self.takes_word("and") {
            left = Expression::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, Refusal> {
        if self.takes_word("not") {
            return Ok(Expression::Not(Box::new(self.unary()?)));
        }
        if self.takes(&Token::Open) {
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let name = self.word()?;
        if self.takes(&Token::Open) {
            return self.function(&name);
        }
        let operator = operator(&self.word()?)?;
        Ok(Expression::Compare(name, operator, self.literal()?))
    }

    fn function(&mut self, name: &str) -> Result<Expression, Refusal> {
        let function = match name {
            "contains" => Function::Contains,
            "startswith" => Function::StartsWith,
            "endswith" => Function::EndsWith,
            "Microsoft.Dynamics.CRM.In" => return self.is_in(),
            other => {
                return Err(Refusal::odata(format!(
                    "An unknown function with name '{other}' was found."
                )));
            }
        };
        let property = self.word()?;
        self.expect(&Token::Comma)?;
        let text = self.literal()?;
        self.expect(&Token::Close)?;
        let text = text.as_str().ok_or_else(Refusal::syntax)?;
        Ok(Expression::Holds(function, property, text.to_owned()))
    }

    /// `(PropertyName='x',PropertyValues=['a','b'])`
    fn is_in(&mut self) -> Result<Expression, Refusal> {
        self.named("PropertyName")?;
        let property = self.literal()?;
        let property = property.as_str().ok_or_else(Refusal::syntax)?.to_owned();
        self.expect(&Token::Comma)?;
        self.named("PropertyValues")?;
        self.expect(&Token::OpenList)?;
        let mut values = vec![self.literal()?];
        while self.takes(&Token::Comma) {
            values.push(self.literal()?);
        }
        self.expect(&Token::CloseList)?;
        self.expect(&Token::Close)?;
        Ok(Expression::In(property, values))
    }

    fn named(&mut self, name: &str) -> Result<(), Refusal> {
        if self.word()? != name {
            return Err(Refusal::syntax());
        }
        self.expect(&Token::Equals)
    }

    fn literal(&mut self) -> Result<Value, Refusal> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) => Ok(Value::String(text)),
            Some(Token::Word(word)) if word.starts_with('@') => {
                let given = self.aliases.get(&word).ok_or_else(Refusal::syntax)?;
                let mut inner = tokens(given)?.into_iter();
                match (inner.next(), inner.next()) {
                    (Some(Token::Text(text)), None) => Ok(Value::String(text)),
                    (Some(Token::Word(word)), None) => plain(&word),
                    _ => Err(Refusal::syntax()),
                }
            }
            Some(Token::Word(word)) => plain(&word),
            _ => Err(Refusal::syntax()),
        }
    }

    fn word(&mut self) -> Result<String, Refusal> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else {
            return Err(Refusal::syntax());
        };
        self.at += 1;
        Ok(word.clone())
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(here);
        here
    }

    fn takes(&mut self, token: &Token) -> bool {
        let here = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        self.takes(token).then_some(()).ok_or_else(Refusal::syntax)
    }
}

fn operator(word: &str) -> Result<Operator, Refusal> {
    Ok(match word {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        _ => return Err(Refusal::syntax()),
    })
}

/// A literal without quotes: a number, a word, a GUID, a moment.
fn plain(word: &str) -> Result<Value, Refusal> {
    if let Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) = serde_json::from_str(word) {
        return Ok(value);
    }
    if let Some(id) = super::ids::guid(word) {
        return Ok(Value::String(id));
    }
    let begins_with_year = word.len() >= 10 && word.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    if begins_with_year && word.as_bytes()[4] == b'-' {
        return Ok(Value::String(word.to_owned()));
    }
    Err(Refusal::syntax())
}
