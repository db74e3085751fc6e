//! Reads `name(argument, "quoted argument")`.

/// A function as the operator wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
}

/// Bare arguments are trimmed; quoted ones (`"` or `'`) keep everything, with `\n`, `\t`, `\\`, `\"`.
pub(super) fn parse(text: &str) -> Result<Call, String> {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else {
        return Ok(Call {
            name: text.to_owned(),
            arguments: Vec::new(),
        });
    };
    let Some(inside) = rest.strip_suffix(')') else {
        return Err(format!("`{text}` lacks its closing parenthesis"));
    };
    Ok(Call {
        name: name.trim_end().to_owned(),
        arguments: arguments(inside)?,
    })
}

fn arguments(inside: &str) -> Result<Vec<String>, String> {
    if inside.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut rest = inside;
    loop {
        let (argument, after) = argument(rest.trim_start())?;
        found.push(argument);
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None if after.trim().is_empty() => return Ok(found),
            None => return Err("put a comma between arguments".to_owned()),
        }
    }
}

/// The first argument of `rest`, and what follows it.
fn argument(rest: &str) -> Result<(String, &str), String> {
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = rest.find(',').unwrap_or(rest.len());
        let bare = rest[..end].trim();
        return if bare.is_empty() {
            Err("an argument is empty; write \"\" for the empty text".to_owned())
        } else {
            Ok((bare.to_owned(), &rest[end..]))
        };
    };
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => text.push(escaped(letters.next().map(|(_, c)| c))?),
            _ if letter == quote => return Ok((text, &rest[at + letter.len_utf8()..])),
            _ => text.push(letter),
        }
    }
    Err("a quoted argument lacks its closing quote".to_owned())
}

fn escaped(letter: Option<char>) -> Result<char, String> {
    match letter {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some(same @ ('\\' | '"' | '\'')) => Ok(same),
        _ => Err("after \\ write n, t, \\ or a quote".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, parse};

    #[test]
    fn a_call_reads_as_written() {
        for (text, name, arguments) in [
            ("trim", "trim", vec![]),
            (" trim() ", "trim", vec![]),
            ("truncate(80)", "truncate", vec!["80"]),
            ("map(intents, Other)", "map", vec!["intents", "Other"]),
            (
                "join(\", \", person.company, touch.offer)",
                "join",
                vec![", ", "person.company", "touch.offer"],
            ),
            ("default('a \\'b\\'')", "default", vec!["a 'b'"]),
            ("replace_newlines(\"\")", "replace_newlines", vec![""]),
            ("date(\"%d.%m.%Y (%H)\")", "date", vec!["%d.%m.%Y (%H)"]),
            ("join(\"\\n\", id)", "join", vec!["\n", "id"]),
        ] {
            let arguments = arguments.into_iter().map(str::to_owned).collect();
            assert_eq!(
                parse(text),
                Ok(Call {
                    name: name.to_owned(),
                    arguments
                }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_broken_call_is_refused() {
        for text in [
            "truncate(80",
            "map(a,,b)",
            "map(a,)",
            "default(\"x)",
            "default(\"a\" b)",
            "default(\"\\q\")",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
