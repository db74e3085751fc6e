//! A parser's words become an operator's, without the value that may have been a secret.

use connector_kit::nearest::nearest;

/// The message without values, and the word that was probably meant.
pub(super) fn reword(message: &str) -> (String, Option<String>) {
    let message = plain_words(message);
    if let Some((text, guess)) = message.split_once("; did you mean `") {
        return (
            text.to_owned(),
            Some(guess.trim_end_matches(['?', '`']).to_owned()),
        );
    }
    let guess = unknown(&message).and_then(|(word, known)| nearest(word, known).map(str::to_owned));
    (message, guess)
}

/// `invalid type: string "s3cr3t", expected a map` must not repeat what the operator wrote.
pub(super) fn plain_words(message: &str) -> String {
    let message = message.trim();
    let Some(rest) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
    else {
        return message.to_owned();
    };
    let Some((found, expected)) = rest.rsplit_once(", expected ") else {
        return message.to_owned();
    };
    let expected = match expected {
        "struct SecretRef" => {
            "the place of a secret: { credential = \"..\" }, { file = \"..\" } or { env = \"..\" }"
        }
        "a map" => "a table",
        "a sequence" => "an array",
        "a boolean" => "true or false",
        "usize" | "u32" | "u64" | "a nonzero u32" | "a nonzero usize" => "a whole number above zero",
        other => other.strip_prefix("struct ").map_or(other, |_| "a table"),
    };
    format!("expected {expected}, found {}", kind(found))
}

fn kind(found: &str) -> &'static str {
    match found.split([' ', '`']).next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "another number",
        "floating" => "a fraction",
        "boolean" => "true or false",
        "map" => "a table",
        "sequence" => "an array",
        _ => "something else",
    }
}

/// The key nobody knows.
pub(super) fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// The word nobody knows and the words that would do.
fn unknown(message: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let named = message
        .strip_prefix("unknown field `")
        .or_else(|| message.strip_prefix("unknown variant `"))?;
    let (word, rest) = named.split_once('`')?;
    Some((word, rest.split('`').skip(1).step_by(2)))
}

#[cfg(test)]
mod tests {
    use super::reword;

    #[test]
    fn a_message_keeps_no_value_and_gains_a_guess() {
        for (message, words, guess) in [
            (
                "unknown field `pubilc`, expected one of `public`, `tls`, `admin`",
                "unknown field `pubilc`, expected one of `public`, `tls`, `admin`",
                Some("public"),
            ),
            (
                "unknown field `x`, expected `y1234`",
                "unknown field `x`, expected `y1234`",
                None,
            ),
            (
                "unknown variant `Txt`, expected `auto` or `text`",
                "unknown variant `Txt`, expected `auto` or `text`",
                Some("text"),
            ),
            (
                "invalid type: string \"s3, expected x\", expected u32",
                "expected a whole number above zero, found a text",
                None,
            ),
            (
                "invalid type: string \"s3cr3t\", expected struct SecretRef",
                "expected the place of a secret: { credential = \"..\" }, { file = \"..\" } or { env = \"..\" }, found a text",
                None,
            ),
            (
                "a lead has no `emial`; did you mean `email`?",
                "a lead has no `emial`",
                Some("email"),
            ),
        ] {
            assert_eq!(
                reword(message),
                (words.to_owned(), guess.map(str::to_owned)),
                "{message}"
            );
        }
    }
}
