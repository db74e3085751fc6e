//! `$filter`, as far as it is documented: `eq`, `and`, `or`, parentheses, nested paths, `any` on the e-mail of the
//! team, and the order of the two dates (contract partner-center 4.1).

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::answer::Refusal;
use super::moment;
use super::schema::{self, Kind};
use super::settings::FilterTimes;
use super::store::{Record, time};

/// So many parentheses inside each other.
const DEEPEST: usize = 16;

/// A condition on a referral.
#[derive(Debug)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Equals(String, Value),
    Time(String, Order, DateTime<Utc>),
    OnTeam(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    pub(super) fn read(text: &str, times: FilterTimes) -> Result<Self, Refusal> {
        let words = words(text)?;
        let mut reader = Reader {
            words: &words,
            times,
            depth: 0,
        };
        let filter = reader.either()?;
        match reader.words {
            [] => Ok(filter),
            _ => Err(syntax()),
        }
    }

    pub(super) fn holds(&self, record: &Record) -> bool {
        match self {
            Self::And(left, right) => left.holds(record) && right.holds(record),
            Self::Or(left, right) => left.holds(record) || right.holds(record),
            Self::Equals(pointer, value) => {
                let held = record.value.pointer(pointer).unwrap_or(&Value::Null);
                match (held, value) {
                    (Value::String(held), Value::String(value))
                        if pointer.ends_with("Id") || pointer == "/id" =>
                    {
                        held.eq_ignore_ascii_case(value)
                    }
                    (Value::Number(held), Value::Number(value)) => held.as_f64() == value.as_f64(),
                    _ => held == value,
                }
            }
            Self::Time(pointer, order, at) => {
                let held = match pointer.as_str() {
                    "/createdDateTime" => Some(record.created),
                    "/updatedDateTime" => Some(record.updated),
                    _ => record.value.pointer(pointer).and_then(time),
                };
                held.is_some_and(|held| order.holds(held, *at))
            }
            Self::OnTeam(email) => {
                let team = record.value["team"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                team.iter().any(|member| member["email"] == email.as_str())
            }
        }
    }
}

impl Order {
    fn read(word: &str) -> Result<Self, Refusal> {
        match word {
            "eq" => Ok(Self::Equal),
            "gt" => Ok(Self::Greater),
            "ge" => Ok(Self::GreaterOrEqual),
            "lt" => Ok(Self::Less),
            "le" => Ok(Self::LessOrEqual),
            _ => Err(Refusal::malformed(format!(
                "The operator {word} is not supported."
            ))),
        }
    }

    fn holds(self, held: DateTime<Utc>, at: DateTime<Utc>) -> bool {
        match self {
            Self::Equal => held == at,
            Self::Greater => held > at,
            Self::GreaterOrEqual => held >= at,
            Self::Less => held < at,
            Self::LessOrEqual => held <= at,
        }
    }
}

struct Reader<'a> {
    words: &'a [Word],
    times: FilterTimes,
    depth: usize,
}

impl Reader<'_> {
    fn either(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.both()?;
        while self.take(&Word::Bare("or".to_owned())) {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, Refusal> {
        let mut left = self.one()?;
        while self.take(&Word::Bare("and".to_owned())) {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, Refusal> {
        if self.take(&Word::Open) {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(syntax());
            }
            let inner = self.either()?;
            self.depth -= 1;
            return self.take(&Word::Close).then_some(inner).ok_or_else(syntax);
        }
        let path = self.bare()?;
        if path == "team/any" {
            return self.any();
        }
        let order = Order::read(&self.bare()?)?;
        self.compare(&path, order)
    }

    /// `team/any(t:t/email eq '...')`, with any name for a member.
    fn any(&mut self) -> Result<Filter, Refusal> {
        let opened = self.take(&Word::Open);
        let member = self.bare()?;
        let email = member
            .split_once(':')
            .and_then(|(name, path)| path.strip_prefix(name))
            .is_some_and(|rest| rest == "/email");
        let equals = self.bare()? == "eq";
        let Some((Word::Quoted(address), rest)) = self.words.split_first() else {
            return Err(syntax());
        };
        self.words = rest;
        let closed = self.take(&Word::Close);
        let whole = opened && email && equals && closed;
        whole
            .then(|| Filter::OnTeam(address.clone()))
            .ok_or_else(|| Refusal::malformed("Only team/any(t:t/email eq '...') is supported."))
    }

    fn compare(&mut self, path: &str, order: Order) -> Result<Filter, Refusal> {
        let steps: Vec<&str> = path.split('/').collect();
        let known = schema::at(&steps).filter(|_| steps.iter().all(|step| step.parse::<usize>().is_err()));
        let (kind, _) = known.ok_or_else(|| Refusal::malformed(format!("There is no property {path}.")))?;
        let (word, rest) = self.words.split_first().ok_or_else(syntax)?;
        self.words = rest;
        let pointer = format!("/{path}");
        let unfit = || Refusal::malformed(format!("The literal does not fit the property {path}."));
        if let Kind::Moment = kind {
            let ordered = matches!(path, "createdDateTime" | "updatedDateTime");
            if order != Order::Equal && !ordered {
                return Err(Refusal::malformed(format!("{path} cannot be ordered by.")));
            }
            let at = self.time(word).ok_or_else(unfit)?;
            return Ok(Filter::Time(pointer, order, at));
        }
        if order != Order::Equal {
            return Err(Refusal::malformed(format!("{path} can only be compared by eq.")));
        }
        let value = match (kind, word) {
            (Kind::Text | Kind::Words(_), Word::Quoted(text)) => Value::from(text.as_str()),
            (_, Word::Bare(word)) if word == "null" => Value::Null,
            (Kind::Flag, Word::Bare(word)) => word.parse::<bool>().map(Value::from).map_err(|_| unfit())?,
            (Kind::Number, Word::Bare(word)) => word.parse::<f64>().map(Value::from).map_err(|_| unfit())?,
            _ => return Err(unfit()),
        };
        Ok(Filter::Equals(pointer, value))
    }

    fn time(&self, word: &Word) -> Option<DateTime<Utc>> {
        match (self.times, word) {
            (FilterTimes::Bare, Word::Bare(text)) | (FilterTimes::Quoted, Word::Quoted(text)) => {
                moment::read(text)
            }
            _ => None,
        }
    }

    fn take(&mut self, expected: &Word) -> bool {
        match self.words.split_first() {
            Some((word, rest)) if word == expected => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn bare(&mut self) -> Result<String, Refusal> {
        match self.words.split_first() {
            Some((Word::Bare(word), rest)) => {
                self.words = rest;
                Ok(word.clone())
            }
            _ => Err(syntax()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Open,
    Close,
    /// In quotes, with doubled quotes made single.
    Quoted(String),
    Bare(String),
}

fn words(text: &str) -> Result<Vec<Word>, Refusal> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' => {
                words.push(Word::Open);
                1
            }
            ')' => {
                words.push(Word::Close);
                1
            }
            '\'' => {
                let (inner, taken) = quoted(rest).ok_or_else(syntax)?;
                words.push(Word::Quoted(inner));
                taken
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "()'".contains(c));
                let end = end.unwrap_or(rest.len());
                words.push(Word::Bare(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[taken..].trim_start();
    }
    Ok(words)
}

/// The text that begins here, and how many bytes it takes.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            text.push(c);
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            text.push('\'');
        } else {
            return Some((text, at + 1));
        }
    }
    None
}

fn syntax() -> Refusal {
    Refusal::malformed("The $filter cannot be read.")
}
