//! What of a URL or of a foreign answer may be shown.

use std::fmt::{self, Display, Write};

use url::Url;

/// Foreign text made safe for a line of log: control, bidi and invisible characters are written as
/// `\u{..}`, and the text is cut at 256 characters.
pub struct Clean<T>(pub T);

/// How much of a foreign text is shown in a line.
const SHOWN_CHARS: usize = 256;
/// How much of an answer is kept with an attempt.
const ANSWER_BYTES: usize = 2048;

impl<T: Display> Display for Clean<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sink = Washing {
            left: SHOWN_CHARS,
            to: f,
        };
        // The sink breaks off with an error of its own when the text is full; that is no failure.
        if write!(sink, "{}", self.0).is_err() && sink.left > 0 {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

struct Washing<'a, 'b> {
    left: usize,
    to: &'a mut fmt::Formatter<'b>,
}

impl Write for Washing<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                self.to.write_char('…')?;
                return Err(fmt::Error);
            }
            self.left -= 1;
            if is_tricky(c) {
                write!(self.to, "{}", c.escape_unicode())?;
            } else {
                self.to.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Characters that move the cursor, turn the text around, or hide.
pub fn is_tricky(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A foreign code or name as it may be shown: short, and of letters, digits, `_`, `-`, `.` and `:`. What
/// stands in its place and is of another kind may quote somebody, and is not shown.
pub struct Code<'a>(pub &'a str);

/// Longer than any code we know.
const CODE_CHARS: usize = 80;

impl Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_code = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        if self.0.len() <= CODE_CHARS && self.0.bytes().all(is_code) {
            f.write_str(self.0)
        } else {
            f.write_str("(no code)")
        }
    }
}

/// A URL as it may be shown: no user info, no fragment, and every query value as `***`.
pub fn url(url: &Url) -> String {
    let mut shown = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        let _ = write!(shown, ":{port}");
    }
    shown.push_str(url.path());
    for (index, (name, _)) in url.query_pairs().enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        let _ = write!(shown, "{separator}{}=***", Clean(name));
    }
    shown
}

/// The first 2 KiB of an answer with every given secret masked, as it is kept with an attempt.
pub fn answer<'s>(body: &[u8], secrets: impl IntoIterator<Item = &'s str>) -> String {
    // Masked before cutting, so that no half of a secret stays at the edge.
    let head = &body[..body.len().min(4 * ANSWER_BYTES)];
    let mut text = String::from_utf8_lossy(head).into_owned();
    for secret in secrets {
        if secret.len() >= 4 && text.contains(secret) {
            text = text.replace(secret, "***");
        }
    }
    let mut end = text.len().min(ANSWER_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.chars()
        .map(|c| {
            if is_tricky(c) && !matches!(c, '\n' | '\t') {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_forge_a_line_turn_around_or_hide() {
        let shown = Clean("a\nb\u{1b}[31m\u{202e}c\u{200b}d\u{85}e").to_string();
        assert_eq!(shown, r"a\u{a}b\u{1b}[31m\u{202e}c\u{200b}d\u{85}e");
    }

    #[test]
    fn foreign_text_is_cut_at_256_characters() {
        assert_eq!(Clean("ş".repeat(256)).to_string(), "ş".repeat(256));
        assert_eq!(Clean("ş".repeat(999)).to_string(), "ş".repeat(256) + "…");
    }

    #[test]
    fn what_stands_in_the_place_of_a_code_and_is_none_is_not_shown() {
        for code in ["", "0x80040265", "INVALID_FIELD", "Account.Name", "a:b-c"] {
            assert_eq!(Code(code).to_string(), code);
        }
        for other in ["ada@example.com", "Ada Lovelace", "a\nb", &"x".repeat(81)] {
            assert_eq!(Code(other).to_string(), "(no code)");
        }
    }

    #[test]
    fn a_shown_url_keeps_no_value_of_its_query_and_no_password() {
        let secret = Url::parse("https://me:pw@h.example:8443/flow?sig=s3cr3t&v=1#f").unwrap();
        assert_eq!(url(&secret), "https://h.example:8443/flow?sig=***&v=***");
    }

    #[test]
    fn a_kept_answer_holds_no_secret_even_across_its_edge() {
        let body = format!("{}topsecret tail", "x".repeat(2044));
        let kept = answer(body.as_bytes(), ["topsecret"]);
        assert_eq!(kept.len(), 2048);
        assert!(!kept.contains("tops"), "{kept}");
    }
}
