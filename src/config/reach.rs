//! Where a running daemon answers, found even while its config is being broken or moved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::daemon::{Config, main_file};
use super::values::Admin;

impl Config {
    /// Where a daemon of this config may answer, likeliest first: where the files say, and where the
    /// config says that was applied last. A mistake in the files is nobody's hindrance here.
    pub fn admin_addresses(dir_or_file: &Path, env: &BTreeMap<String, String>) -> Vec<Admin> {
        let text = std::fs::read_to_string(main_file(dir_or_file)).unwrap_or_default();
        let (table, _) = DeTable::parse_recoverable(&text);
        let written = |keys: &[&str], variable: &str| {
            let from_file = || text_at(table.get_ref(), keys);
            env.get(variable).cloned().or_else(from_file)
        };
        let usual = Self::default();
        let admin = written(&["listen", "admin"], "LEADSYNC_LISTEN__ADMIN")
            .and_then(|text| Admin::try_from(text).ok())
            .unwrap_or(usual.listen.admin);
        let state_dir = written(&["state_dir"], "LEADSYNC_STATE_DIR");
        let state_dir = state_dir.map_or(usual.state_dir, PathBuf::from);
        let applied = Self::load_applied(&state_dir).ok().flatten();
        let applied = applied.map(|loaded| loaded.config.listen.admin);
        let mut found = vec![admin];
        found.extend(applied.filter(|applied| !found.contains(applied)));
        found
    }
}

fn text_at(table: &DeTable<'_>, keys: &[&str]) -> Option<String> {
    let (first, rest) = keys.split_first()?;
    let mut entries = table.iter();
    let (_, value) = entries.find(|(name, _)| name.get_ref().as_ref() == *first)?;
    match value.get_ref() {
        DeValue::Table(inner) => text_at(inner, rest),
        DeValue::String(text) if rest.is_empty() => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(home: &Path, env: &[(&str, &str)]) -> Vec<String> {
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = Config::admin_addresses(home, &env.collect());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_daemon_is_found_where_its_files_say_however_wrong_they_are() {
        let home = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(home.path().join("leadsync.toml"), text).unwrap();
        let usual = "unix:/run/leadsync/admin.sock";
        let table = [
            ("[listen]\nadmin = 'unix:/a.sock'\n", "unix:/a.sock"),
            (
                "[listen]\nadmin = 'unix:/a.sock'\nno such key = \n[[",
                "unix:/a.sock",
            ),
            (
                "listen = { admin = '127.0.0.1:81' }\ndedupe = 7\n",
                "127.0.0.1:81",
            ),
            ("[listen]\nadmin = 'nowhere'\n", usual),
            ("[listen]\nadmin = 7\n", usual),
            ("", usual),
        ];
        for (text, expected) in table {
            write(text);
            assert_eq!(addresses(home.path(), &[]), [expected], "{text}");
        }
        let variable = [("LEADSYNC_LISTEN__ADMIN", "unix:/b.sock")];
        assert_eq!(addresses(home.path(), &variable), ["unix:/b.sock"]);
        std::fs::remove_file(home.path().join("leadsync.toml")).unwrap();
        assert_eq!(addresses(home.path(), &[]), [usual]);
    }

    #[test]
    fn one_whose_address_was_edited_is_found_where_it_was_applied() {
        let home = tempfile::tempdir().unwrap();
        let write = |admin: &str| {
            let state = home.path().join("state");
            let text = format!("state_dir = '{}'\n[listen]\nadmin = '{admin}'\n", state.display());
            std::fs::write(home.path().join("leadsync.toml"), text).unwrap();
        };
        write("unix:/old.sock");
        let loaded = Config::load(home.path(), &BTreeMap::new()).unwrap();
        loaded.keep_applied().unwrap();
        assert_eq!(addresses(home.path(), &[]), ["unix:/old.sock"]);
        write("unix:/new.sock");
        assert_eq!(addresses(home.path(), &[]), ["unix:/new.sock", "unix:/old.sock"]);
    }
}
