//! Comma-separated values as bulk jobs carry them (RFC 4180, lines ending with LF or CRLF).

/// Every row of a text; quotes are taken off. `None` when a quote is never closed.
pub(super) fn read(text: &str, delimiter: char) -> Option<Vec<Vec<String>>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let row = rows.last_mut()?;
        let cell = row.last_mut()?;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            _ if quoted => cell.push(letter),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => rows.push(vec![String::new()]),
            _ if letter == delimiter => row.push(String::new()),
            _ => cell.push(letter),
        }
    }
    // The last line has an end, or is none.
    rows.retain(|row| row.len() > 1 || !row[0].is_empty());
    (!quoted).then_some(rows)
}

/// One row with every cell quoted, and the end of the line.
pub(super) fn write<'a>(cells: impl IntoIterator<Item = &'a str>, delimiter: char) -> String {
    let cells: Vec<_> = cells
        .into_iter()
        .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
        .collect();
    format!("{}\n", cells.join(&delimiter.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_ends_belong_to_their_cell() {
        let rows = read("a,b\n\"x, \"\"y\"\"\nz\",2\r\n,\n", ',').unwrap();
        assert_eq!(rows, [["a", "b"], ["x, \"y\"\nz", "2"], ["", ""]]);
        assert_eq!(read("a\n\"open\n", ','), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let cells = ["", "a,b", "\"", "two\nlines"];
        assert_eq!(read(&write(cells, ','), ',').unwrap(), [cells]);
    }
}
