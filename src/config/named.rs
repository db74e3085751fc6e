//! Where a file names secrets, and where somebody has yet to write something.

use std::path::PathBuf;

use connector_kit::ConfigError;
use connector_kit::secret::{SecretRef, UNWRITTEN};
use toml::{Table, Value};

use super::diagnostics::Mistake;
use super::document::Document;
use super::load::Loaded;

impl Document {
    /// Every place that names a secret: its dotted key, and where the secret is kept.
    pub fn secrets(&self) -> Vec<(String, SecretRef)> {
        let mut found = Vec::new();
        self.walk(&mut |key, value| {
            // Words of leads: whatever they look like.
            if matches!(key, "tables" | "mapping") {
                return true;
            }
            let place = value.as_table().and_then(reference);
            let is_secret = place.is_some();
            found.extend(place.map(|place| (key.to_owned(), place)));
            is_secret
        });
        found
    }

    /// Every place that `leadsync init` left for a person to fill in.
    pub fn unwritten(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        self.walk(&mut |key, value| {
            if value.as_str().is_some_and(|text| text.contains(UNWRITTEN)) {
                let message = format!("still to be filled in: write your own value in place of {UNWRITTEN}");
                found.push(Mistake::at_key(self, &ConfigError::new(key, message)));
            }
            false
        });
        found
    }

    /// Shows every value with its key, until told to go no deeper.
    fn walk(&self, seen: &mut impl FnMut(&str, &Value) -> bool) {
        if let Ok(table) = toml::from_str::<Table>(self.text()) {
            for (name, value) in &table {
                walk(value, name, seen);
            }
        }
    }
}

impl Loaded {
    /// Every place of all files that a person has yet to fill in.
    pub fn unwritten(&self) -> Vec<Mistake> {
        let files = std::iter::once(&self.document).chain(self.connector_documents.values());
        files.flat_map(Document::unwritten).collect()
    }
}

fn walk(value: &Value, key: &str, seen: &mut impl FnMut(&str, &Value) -> bool) {
    if seen(key, value) {
        return;
    }
    match value {
        Value::Table(table) => {
            for (name, inner) in table {
                walk(inner, &format!("{key}.{name}"), seen);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{key}[{index}]"), seen);
            }
        }
        _ => {}
    }
}

/// A table with one key, and that key is a place of secrets.
fn reference(table: &Table) -> Option<SecretRef> {
    let mut entries = table.iter();
    let ((name, Value::String(text)), None) = (entries.next()?, entries.next()) else {
        return None;
    };
    let mut place = SecretRef::default();
    match name.as_str() {
        "credential" => place.credential = Some(text.clone()),
        "file" => place.file = Some(PathBuf::from(text)),
        "env" => place.env = Some(text.clone()),
        _ => return None,
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn secrets_are_found_wherever_a_file_names_them() {
        let text = "[sources.web]\nsecrets = [{ credential = 'a' }, { file = '/b' }]\n[settings.auth]\nkey = { env = 'C' }\n\
                    [mapping]\nfile = { from = 'id' }\n[tables.kinds]\nfile = 'x'\n";
        let found = Document::new("f.toml", text).secrets();
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "settings.auth.key",
                "sources.web.secrets[0]",
                "sources.web.secrets[1]"
            ]
        );
    }

    #[test]
    fn what_is_still_to_be_written_is_told_at_its_place() {
        let text = "# CHANGE-ME is no value here\n[settings]\nurl = 'https://CHANGE-ME.example'\nids = ['a', 'CHANGE-ME']\n";
        let found = Document::new("f.toml", text).unwritten();
        let told: Vec<_> = found
            .iter()
            .map(|mistake| (mistake.line, mistake.key.as_str()))
            .collect();
        assert_eq!(told, [(4, "settings.ids[1]"), (3, "settings.url")]);
    }
}
