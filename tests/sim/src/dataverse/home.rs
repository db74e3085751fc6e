//! What stands in an environment from the first day: its user, its currency, its messages.

use serde_json::{Map, Value};

use super::store::{Link, Row};
use super::{Environment, ids};

/// The rows everything else refers to.
pub(super) struct Home {
    pub(super) user: Link,
    pub(super) currency: Link,
    pub(super) business_unit: &'static str,
    pub(super) organization: &'static str,
}

impl Default for Home {
    fn default() -> Self {
        Self {
            user: Link {
                table: "systemuser",
                id: "75c2dd85-e89e-e711-8122-000d3aa2331c".to_owned(),
            },
            currency: Link {
                table: "transactioncurrency",
                id: "048dddaa-6f7f-e611-80d3-00155db5e0b6".to_owned(),
            },
            business_unit: "e2b9dd85-e89e-e711-8122-000d3aa2331c",
            organization: "4ef5b371-e89e-e711-8122-000d3aa2331c",
        }
    }
}

/// Messages every table has.
const MESSAGES: &[&str] = &[
    "Create",
    "Update",
    "Delete",
    "Retrieve",
    "RetrieveMultiple",
    "CreateMultiple",
    "UpdateMultiple",
];
/// Tables of the bulk messages; the opportunity has no `UpsertMultiple` (contract dynamics365 10.2).
const BULK: &[(&str, bool)] = &[
    ("lead", true),
    ("opportunity", false),
    ("account", true),
    ("contact", true),
];

impl Environment {
    pub(super) fn furnish(&mut self) {
        let (user, currency) = (self.home.user.id.clone(), self.home.currency.id.clone());
        self.place("systemuser", &user, &[("fullname", "# Leadsync")], None);
        self.place(
            "transactioncurrency",
            &currency,
            &[
                ("currencyname", "US Dollar"),
                ("isocurrencycode", "USD"),
                ("currencysymbol", "$"),
            ],
            None,
        );
        for message in MESSAGES.iter().chain(&["UpsertMultiple"]) {
            self.place(
                "sdkmessage",
                &ids::definition(message),
                &[("name", message)],
                None,
            );
        }
        for (table, upsert) in BULK {
            let extra = upsert.then_some("UpsertMultiple");
            for message in MESSAGES.iter().copied().chain(extra) {
                self.allow(table, message);
            }
        }
        self.store.settle();
    }

    /// Makes a message available for a table.
    pub(super) fn allow(&mut self, table: &str, message: &str) {
        let link = Link {
            table: "sdkmessage",
            id: ids::definition(message),
        };
        let columns = [("name", message), ("primaryobjecttypecode", table)];
        self.place(
            "sdkmessagefilter",
            &filter_id(table, message),
            &columns,
            Some(link),
        );
    }

    /// Whether a message is available for a table.
    pub(super) fn allows(&self, table: &str, message: &str) -> bool {
        let id = filter_id(table, message);
        self.store.row("sdkmessagefilter", &id).is_some()
    }

    /// Takes a message away from a table.
    pub(super) fn forbid(&mut self, table: &str, message: &str) {
        self.store.remove("sdkmessagefilter", &filter_id(table, message));
        self.store.settle();
    }

    fn place(&mut self, table: &'static str, id: &str, columns: &[(&str, &str)], message: Option<Link>) {
        let values = columns
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let links = message.map(|link| ("sdkmessageid".to_owned(), link));
        let row = Row {
            serial: self.store.next_serial(),
            created: self.now,
            modified: self.now,
            values: values.collect::<Map<_, _>>(),
            links: links.into_iter().collect(),
            ..Row::default()
        };
        self.store.put(table, id, row);
    }
}

fn filter_id(table: &str, message: &str) -> String {
    ids::definition(&format!("{table}/{message}"))
}
