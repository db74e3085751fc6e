//! One file as written, to find the place a key stands at.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file and its text.
#[derive(Clone, Debug)]
pub struct Document {
    path: PathBuf,
    text: Arc<str>,
}

impl Document {
    /// Takes a file's text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was read.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Where a dotted key (`mapping.Email.pipe[1]`) stands, or the nearest table around it that exists.
    pub fn locate(&self, key: &str) -> Range<usize> {
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let mut found = 0..0;
        walk_table(root.get_ref(), key, &mut found);
        found
    }

    /// The same for a word somewhere below `key`, of which a reader only said that it is there.
    pub(super) fn locate_below(&self, key: &str, word: &str) -> Option<(String, Range<usize>)> {
        let (root, _) = DeTable::parse_recoverable(&self.text);
        let around = walk_table(root.get_ref(), key, &mut (0..0))?;
        find_below(around, key, word)
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(byte)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

/// The value at the end of the way, when all of it is there.
fn walk_table<'a, 'd>(
    table: &'a DeTable<'d>,
    rest: &str,
    found: &mut Range<usize>,
) -> Option<&'a Spanned<DeValue<'d>>> {
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let step = table
        .iter()
        .filter_map(|(name, value)| Some((name, value, after(rest, name.get_ref())?)));
    // A key may itself hold dots: the longest that fits is meant.
    let (name, value, left) = step.min_by_key(|(_, _, left)| left.len())?;
    *found = name.span();
    walk_value(value, left, found)
}

fn walk_value<'a, 'd>(
    value: &'a Spanned<DeValue<'d>>,
    rest: &str,
    found: &mut Range<usize>,
) -> Option<&'a Spanned<DeValue<'d>>> {
    if rest.is_empty() {
        return Some(value);
    }
    match value.get_ref() {
        DeValue::Table(table) => walk_table(table, rest, found),
        DeValue::Array(items) => {
            let (index, left) = rest.strip_prefix('[')?.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            *found = item.span();
            walk_value(item, left, found)
        }
        _ => None,
    }
}

/// The first key that is this word, and the way to it.
fn find_below(value: &Spanned<DeValue<'_>>, way: &str, word: &str) -> Option<(String, Range<usize>)> {
    match value.get_ref() {
        DeValue::Table(table) => table.iter().find_map(|(name, inner)| {
            let way = format!("{way}.{}", name.get_ref());
            if name.get_ref() == word {
                return Some((way, name.span()));
            }
            find_below(inner, &way, word)
        }),
        DeValue::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| find_below(item, &format!("{way}[{index}]"), word)),
        _ => None,
    }
}

/// What is left of `rest` behind `name`, quoted or not.
fn after<'a>(rest: &'a str, name: &str) -> Option<&'a str> {
    let quoted = format!("{name:?}");
    let left = rest
        .strip_prefix(quoted.as_str())
        .or_else(|| rest.strip_prefix(name))?;
    (left.is_empty() || left.starts_with(['.', '['])).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn a_key_is_found_where_it_is_written() {
        let text = "a = 1\n\n[settings]\nurl = 'x'\nhosts = [\n  'ä', 'b',\n]\n\n[mapping.\"x.y\"]\npipe = ['t', 'u']\n\n\
                    [[route]]\nto = []\n\n[[route]]\nto = ['q']\n";
        let document = Document::new("f.toml", text);
        for (key, position) in [
            ("a", (1, 1)),
            ("settings", (3, 2)),
            ("settings.url", (4, 1)),
            ("settings.hosts[1]", (6, 8)),
            ("settings.hosts[9]", (5, 1)),
            ("settings.missing", (3, 2)),
            ("mapping.\"x.y\".pipe[1]", (10, 14)),
            ("mapping.x.y.pipe[0]", (10, 9)),
            ("route[1].to[0]", (16, 7)),
            ("nowhere", (1, 1)),
            ("", (1, 1)),
        ] {
            assert_eq!(document.position(document.locate(key).start), position, "{key}");
        }
        let below = |key: &str, word: &str| document.locate_below(key, word).map(|(key, _)| key);
        assert_eq!(below("mapping", "pipe").as_deref(), Some("mapping.x.y.pipe"));
        assert_eq!(below("route", "to").as_deref(), Some("route[0].to"));
        assert_eq!((below("nowhere", "to"), below("settings", "to")), (None, None));
    }
}
