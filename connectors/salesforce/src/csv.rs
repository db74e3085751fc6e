//! Comma-separated values as bulk jobs take and give them (contract salesforce 6). Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Clears a field; an empty cell would leave it as it is.
const NULL: &str = "#N/A";

/// Records as one text: a column per field any of them has, every value quoted, lines end with LF.
pub(crate) fn write(records: &[Map<String, Value>]) -> String {
    let columns: BTreeSet<&str> = records.iter().flat_map(Map::keys).map(String::as_str).collect();
    let mut text = String::new();
    line(&mut text, columns.iter().map(|name| Some((*name).to_owned())));
    for record in records {
        line(&mut text, columns.iter().map(|name| record.get(*name).map(cell)));
    }
    text
}

/// One record's share of the text, in bytes, roughly and never too little.
pub(crate) fn size(record: &Map<String, Value>) -> usize {
    record.values().map(|value| 2 * cell(value).len() + 3).sum()
}

/// Text goes as it is: nothing here is read by a spreadsheet, and a `+` begins a phone number.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn line(text: &mut String, cells: impl Iterator<Item = Option<String>>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if let Some(cell) = cell {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        }
    }
    text.push('\n');
}

/// The lines of a text, quoted or not; none when a quote is never closed.
pub(crate) fn read(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut begun) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => (quoted, begun) = (true, true),
            other if quoted => cell.push(other),
            ',' => {
                line.push(std::mem::take(&mut cell));
                begun = true;
            }
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => {
                if begun || !cell.is_empty() {
                    line.push(std::mem::take(&mut cell));
                    lines.push(std::mem::take(&mut line));
                }
                begun = false;
            }
            other => cell.push(other),
        }
    }
    if begun || !cell.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    (!quoted).then_some(lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn record(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_absent_stays_and_what_is_null_is_cleared() {
        let records = [
            record(&json!({ "Key__c": "1", "LastName": "Smith", "Company": "Contoso, \"Ltd\"" })),
            record(&json!({ "Key__c": "2", "Company": null, "DoNotCall": true })),
        ];
        assert_eq!(
            write(&records),
            "\"Company\",\"DoNotCall\",\"Key__c\",\"LastName\"\n\
             \"Contoso, \"\"Ltd\"\"\",,\"1\",\"Smith\"\n\
             \"#N/A\",\"true\",\"2\",\n"
        );
    }

    #[test]
    fn a_formula_is_text_like_any_other() {
        let records = [record(&json!({ "Phone": "+14255550100", "Title": "=1+1" }))];
        assert_eq!(
            write(&records),
            "\"Phone\",\"Title\"\n\"+14255550100\",\"=1+1\"\n"
        );
    }

    #[test]
    fn a_text_with_an_open_quote_is_not_whole() {
        assert_eq!(read("\"sf__Id\",\"sf__Err"), None);
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_cells_may_hold_both() {
        let lines = read("a,b\r\n\"1\r\n2\",\n,x").unwrap();
        assert_eq!(lines, [vec!["a", "b"], vec!["1\r\n2", ""], vec!["", "x"]]);
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_went(
            rows in proptest::collection::vec(proptest::collection::vec("[a-z,\"\n\r='+@é ]{1,12}", 3), 1..20)
        ) {
            let names = ["A", "B", "C"];
            let records: Vec<_> = rows
                .iter()
                .map(|row| names.iter().zip(row).map(|(n, v)| ((*n).to_owned(), json!(v))).collect::<Map<_, _>>())
                .collect();
            let lines = read(&write(&records)).unwrap();
            prop_assert_eq!(&lines[0], &names);
            prop_assert_eq!(&lines[1..], &rows[..]);
        }
    }
}
