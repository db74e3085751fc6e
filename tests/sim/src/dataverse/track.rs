//! Change tracking: everything first, then what changed since (contract dynamics365 13.1).

use chrono::{DateTime, NaiveDateTime};

use super::Environment;
use super::answer::Refusal;
use super::options::Options;
use super::query::{Item, Page};

/// How a moment is written in a token.
const MOMENT: &str = "%m/%d/%Y %H:%M:%S";
/// These cannot be tracked.
const REFUSED: &[&str] = &["$filter", "$orderby", "$expand", "$top"];

impl Environment {
    /// All rows, or with a token those that changed, then those deleted.
    pub(super) fn changes(&self, table: &str, options: &Options) -> Result<Page, Refusal> {
        let definition = self.table(table)?;
        if let Some(option) = options.given.iter().find(|name| REFUSED.contains(&name.as_str())) {
            return Err(Refusal::odata(format!(
                "The \"{option}\" query parameter isn't supported when Change Tracking is enabled."
            )));
        }
        if !definition.tracked {
            return Err(Refusal::odata(format!(
                "Entity: {} does not have change tracking enabled.",
                definition.name
            )));
        }
        let since = options.delta_token.as_deref();
        let items: Vec<Item> = match since {
            None => {
                let all = self.store.rows(table);
                all.map(|(id, _)| Item::Row(id.to_owned())).collect()
            }
            Some(token) => {
                let version = self.version_of(token)?;
                let changed = self.store.changed_after(table, version).into_iter();
                let deleted = self.store.deleted_after(table, version).into_iter();
                changed.map(Item::Row).chain(deleted.map(Item::Deleted)).collect()
            }
        };
        Ok(Page {
            items: items.into(),
            from: 0,
            number: 1,
            stamp: Some(self.stamp()),
            is_delta: since.is_some(),
            total: None,
        })
    }

    /// A token for now.
    fn stamp(&self) -> String {
        let at = DateTime::from_timestamp(self.now, 0).unwrap_or_default();
        let token = format!("{}!{}", self.store.version(), at.format(MOMENT));
        token
            .bytes()
            .map(|byte| match byte {
                b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02x}"),
            })
            .collect()
    }

    /// The version a token was given for, if it still counts.
    fn version_of(&self, token: &str) -> Result<u64, Refusal> {
        let read = token.split_once('!').and_then(|(version, at)| {
            let version: u64 = version.parse().ok()?;
            let at = NaiveDateTime::parse_from_str(at, MOMENT).ok()?;
            Some((version, at.and_utc().timestamp()))
        });
        let (version, at) = read.ok_or_else(|| Refusal::odata("The delta token is not valid."))?;
        let oldest = self.now - self.settings.delta_days * 24 * 60 * 60;
        if at < oldest || version < self.settings.oldest_delta {
            return Err(Refusal::new(
                self.settings.expired_delta_status,
                "0x80044352",
                "Version stamp associated with the client has expired. Please perform a full sync.",
            ));
        }
        Ok(version)
    }
}
