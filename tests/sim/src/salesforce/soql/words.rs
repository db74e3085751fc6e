//! A query cut into words, texts and signs.

use super::malformed;
use crate::salesforce::answer::Refusal;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// A name, a number, a time, a keyword.
    Plain(String),
    /// What stood between quotes.
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 11] = ["!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ";"];

pub(super) fn cut(soql: &str) -> Result<Vec<Word>, Refusal> {
    let mut words = Vec::new();
    let mut rest = soql.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (text, length) = text(&rest[1..])?;
            words.push(Word::Text(text));
            rest = &rest[1 + length..];
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            words.push(Word::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "_.:+-".contains(letter);
            let end = rest.find(|letter| !plain(letter)).unwrap_or(rest.len());
            if end == 0 {
                return Err(malformed(format!("unexpected char: '{first}'")));
            }
            words.push(Word::Plain(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

/// The text up to the closing quote, unescaped, and how many bytes it took with the quote.
fn text(rest: &str) -> Result<(String, usize), Refusal> {
    let mut text = String::new();
    let mut letters = rest.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\'' => return Ok((text, place + 1)),
            '\\' => {
                let (_, escaped) = letters
                    .next()
                    .ok_or_else(|| malformed("unexpected end of query"))?;
                text.push(match escaped {
                    'n' | 'N' => '\n',
                    'r' | 'R' => '\r',
                    't' | 'T' => '\t',
                    'b' | 'B' => '\u{8}',
                    'f' | 'F' => '\u{c}',
                    '\\' | '\'' | '"' | '%' | '_' => escaped,
                    _ => {
                        return Err(malformed(format!(
                            "Invalid string literal: illegal escape '\\{escaped}'"
                        )));
                    }
                });
            }
            _ => text.push(letter),
        }
    }
    Err(malformed("unexpected end of query: a string is not closed"))
}
