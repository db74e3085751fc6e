//! Words to a query, by the grammar.

use chrono::NaiveDate;

use super::words::{Word, cut};
use super::{Comparison, Condition, Literal, Order, Path, Query, malformed};
use crate::salesforce::answer::Refusal;
use crate::salesforce::value;

const LONGEST: usize = 100_000;

struct Reader {
    words: Vec<Word>,
    place: usize,
}

pub(super) fn parse(soql: &str) -> Result<Query, Refusal> {
    if soql.chars().count() > LONGEST {
        return Err(malformed(
            "SOQL statements cannot be longer than 100000 characters.",
        ));
    }
    let mut reader = Reader {
        words: cut(soql)?,
        place: 0,
    };
    let query = reader.query()?;
    match reader.words.get(reader.place) {
        None => Ok(query),
        Some(word) => Err(unexpected(word)),
    }
}

impl Reader {
    fn query(&mut self) -> Result<Query, Refusal> {
        self.keyword("SELECT")?;
        let fields = self.fields()?;
        self.keyword("FROM")?;
        let object = self.plain()?;
        let condition = if self.skip("WHERE") {
            Some(self.any()?)
        } else {
            None
        };
        let order = if self.skip("ORDER") {
            self.order()?
        } else {
            Vec::new()
        };
        let limit = if self.skip("LIMIT") {
            Some(self.number()?)
        } else {
            None
        };
        let offset = if self.skip("OFFSET") { self.number()? } else { 0 };
        Ok(Query {
            fields,
            object,
            condition,
            order,
            limit,
            offset,
        })
    }

    fn fields(&mut self) -> Result<Vec<Path>, Refusal> {
        if self.is_plain("count") && self.words.get(self.place + 1) == Some(&Word::Sign("(")) {
            self.place += 2;
            self.sign(")")?;
            return Ok(Vec::new());
        }
        let mut fields = vec![self.path()?];
        while self.skip_sign(",") {
            fields.push(self.path()?);
        }
        Ok(fields)
    }

    fn any(&mut self) -> Result<Condition, Refusal> {
        let mut parts = vec![self.all()?];
        while self.skip("OR") {
            parts.push(self.all()?);
        }
        Ok(single(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, Refusal> {
        let mut parts = vec![self.one()?];
        while self.skip("AND") {
            parts.push(self.one()?);
        }
        // The real grammar wants parentheses around such a mixture.
        if parts.len() > 1 && self.is_plain("OR") {
            return Err(malformed("unexpected token: OR"));
        }
        Ok(single(parts, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, Refusal> {
        if self.skip("NOT") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.skip_sign("(") {
            let condition = self.any()?;
            self.sign(")")?;
            return Ok(condition);
        }
        let path = self.path()?;
        if self.skip("NOT") {
            self.keyword("IN")?;
            return Ok(Condition::In(path, true, self.list()?));
        }
        if self.skip("IN") {
            return Ok(Condition::In(path, false, self.list()?));
        }
        let comparison = self.comparison()?;
        Ok(Condition::Compare(path, comparison, self.literal()?))
    }

    fn comparison(&mut self) -> Result<Comparison, Refusal> {
        if self.skip("LIKE") {
            return Ok(Comparison::Like);
        }
        let comparison = match self.next()? {
            Word::Sign("=") => Comparison::Equal,
            Word::Sign("!=" | "<>") => Comparison::Unequal,
            Word::Sign("<") => Comparison::Less,
            Word::Sign("<=") => Comparison::AtMost,
            Word::Sign(">") => Comparison::More,
            Word::Sign(">=") => Comparison::AtLeast,
            other => return Err(unexpected(&other)),
        };
        Ok(comparison)
    }

    fn list(&mut self) -> Result<Vec<Literal>, Refusal> {
        self.sign("(")?;
        let mut values = vec![self.literal()?];
        while self.skip_sign(",") {
            values.push(self.literal()?);
        }
        self.sign(")")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        match self.next()? {
            Word::Text(text) => Ok(Literal::Text(text)),
            Word::Plain(word) => plain_literal(&word).ok_or_else(|| unexpected(&Word::Plain(word))),
            sign @ Word::Sign(_) => Err(unexpected(&sign)),
        }
    }

    fn order(&mut self) -> Result<Vec<Order>, Refusal> {
        self.keyword("BY")?;
        let mut order = Vec::new();
        loop {
            let path = self.path()?;
            let descending = self.skip("DESC");
            if !descending {
                self.skip("ASC");
            }
            let nulls_last = self.skip("NULLS") && {
                let last = self.skip("LAST");
                if !last {
                    self.keyword("FIRST")?;
                }
                last
            };
            order.push(Order {
                path,
                descending,
                nulls_last,
            });
            if !self.skip_sign(",") {
                return Ok(order);
            }
        }
    }

    fn path(&mut self) -> Result<Path, Refusal> {
        let word = self.plain()?;
        let path: Path = word.split('.').map(str::to_owned).collect();
        let named = |part: &String| part.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !path.iter().all(named) || ["FROM", "WHERE", "SELECT"].contains(&word.to_uppercase().as_str()) {
            return Err(unexpected(&Word::Plain(word)));
        }
        Ok(path)
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        let word = self.plain()?;
        word.parse().map_err(|_| unexpected(&Word::Plain(word)))
    }

    fn next(&mut self) -> Result<Word, Refusal> {
        let word = self.words.get(self.place).cloned();
        self.place += 1;
        word.ok_or_else(|| malformed("unexpected token: <EOF>"))
    }

    fn plain(&mut self) -> Result<String, Refusal> {
        match self.next()? {
            Word::Plain(word) => Ok(word),
            other => Err(unexpected(&other)),
        }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Refusal> {
        let word = self.next()?;
        match &word {
            Word::Plain(it) if it.eq_ignore_ascii_case(keyword) => Ok(()),
            _ => Err(unexpected(&word)),
        }
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), Refusal> {
        let word = self.next()?;
        if word == Word::Sign(sign) {
            Ok(())
        } else {
            Err(unexpected(&word))
        }
    }

    fn is_plain(&self, keyword: &str) -> bool {
        matches!(self.words.get(self.place), Some(Word::Plain(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn skip(&mut self, keyword: &str) -> bool {
        let here = self.is_plain(keyword);
        self.place += usize::from(here);
        here
    }

    fn skip_sign(&mut self, sign: &'static str) -> bool {
        let here = self.words.get(self.place) == Some(&Word::Sign(sign));
        self.place += usize::from(here);
        here
    }
}

fn single(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn plain_literal(word: &str) -> Option<Literal> {
    match word.to_ascii_lowercase().as_str() {
        "null" => return Some(Literal::Null),
        "true" => return Some(Literal::Boolean(true)),
        "false" => return Some(Literal::Boolean(false)),
        _ => {}
    }
    if NaiveDate::parse_from_str(word, "%Y-%m-%d").is_ok() {
        return Some(Literal::Date(word.to_owned()));
    }
    let digit = |letter: char| letter.is_ascii_digit() || letter == '-' || letter == '+';
    if word.contains('T') {
        return value::second(word).map(Literal::Time);
    }
    word.starts_with(digit)
        .then(|| word.parse().ok().map(Literal::Number))
        .flatten()
}

fn unexpected(word: &Word) -> Refusal {
    let text = match word {
        Word::Plain(text) | Word::Text(text) => text.as_str(),
        Word::Sign(sign) => sign,
    };
    malformed(format!("unexpected token: {text}"))
}
