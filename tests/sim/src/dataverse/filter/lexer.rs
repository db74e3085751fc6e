//! The words of a filter.

use crate::dataverse::answer::Refusal;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Equals,
    /// In quotes, with doubled quotes made single.
    Text(String),
    /// A name, an operator or a bare literal.
    Word(String),
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let single = match c {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            '[' => Some(Token::OpenList),
            ']' => Some(Token::CloseList),
            ',' => Some(Token::Comma),
            '=' => Some(Token::Equals),
            _ => None,
        };
        let taken = if let Some(token) = single {
            tokens.push(token);
            1
        } else if c == '\'' {
            let (text, taken) = quoted(rest).ok_or_else(Refusal::syntax)?;
            tokens.push(Token::Text(text));
            taken
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || "()[],='".contains(c))
                .unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
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
