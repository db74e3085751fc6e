//! The systems leads go to: pretended ones on this machine, and a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use connector_kit::clock::Clock;
use leadsync_sim::azure_table::AzureTable;
use leadsync_sim::serve::{Server, serve, serve_tls};
use leadsync_sim::webhook::strict::Form;
use leadsync_sim::webhook::{Answer, Rules, Webhook};

use super::samples::REFUSED_MARK;
use super::site::{ACCOUNT, HOST, Site};
use super::{Crms, DemoError};

/// The destinations, by the names of their files.
pub const NAMES: [&str; 5] = [
    "dynamics365",
    "leads-file",
    "leads-table",
    "salesforce",
    "webhook",
];

/// The receivers; they stop when this is dropped.
pub struct Receivers {
    webhook: Webhook,
    /// Event ids of the requests the webhook took.
    taken: Taken,
    table: AzureTable,
    file: PathBuf,
    /// Two CRMs.
    pub crms: Crms,
    /// Where the others listen.
    pub doors: Doors,
    _servers: [Server; 2],
}

/// Ports of the receivers.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// HTTPS.
    pub webhook: u16,
    /// Plain HTTP, as emulators speak it.
    pub table: u16,
}

/// What a receiver holds of one lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The newest revision, where the receiver can tell.
    pub revision: Option<u64>,
    /// How often a revision came that was there already.
    pub doubles: u64,
}

impl Holding {
    /// A record that was made so many times, and tells no revision.
    pub fn made(times: usize) -> Self {
        Self {
            revision: None,
            doubles: (times as u64).saturating_sub(1),
        }
    }
}

type Taken = Arc<Mutex<Vec<String>>>;

/// What a receiver holds: lead id to holding.
pub type Shelf = BTreeMap<String, Holding>;

impl Receivers {
    /// Opens them. The webhook asks for a second's rest once, and never takes one of the samples.
    pub async fn open(site: &Site, clock: &Arc<dyn Clock>) -> Result<Self, DemoError> {
        let webhook = webhook(site, Arc::clone(clock));
        let tls = site
            .authority
            .server(HOST)
            .map_err(DemoError::while_doing("make a certificate"))?;
        let taken = Taken::default();
        let table = AzureTable::new(ACCOUNT, &site.secrets.table_key, clock.now());
        let failed = "open its receivers";
        let servers = [
            serve_tls(witnessed(&webhook, &taken), tls)
                .await
                .map_err(DemoError::while_doing(failed))?,
            serve(on_time(&table, Arc::clone(clock)))
                .await
                .map_err(DemoError::while_doing(failed))?,
        ];
        let doors = Doors {
            webhook: servers[0].addr.port(),
            table: servers[1].addr.port(),
        };
        Ok(Self {
            webhook,
            taken,
            table,
            file: site.leads_file(),
            crms: Crms::open(site, clock).await?,
            doors,
            _servers: servers,
        })
    }

    /// What the destination of this name holds.
    pub fn shelf(&self, name: &str) -> Result<Shelf, DemoError> {
        match name {
            "salesforce" => Ok(self.crms.salesforce_shelf()),
            "dynamics365" => Ok(self.crms.dynamics_shelf()),
            "webhook" => Ok(self.webhook_shelf()),
            "leads-table" => Ok(self.table_shelf()),
            _ => file_shelf(&self.file),
        }
    }

    /// From now on the webhook takes every lead, as a receiver does that somebody has corrected.
    pub fn mend(&self) {
        self.webhook.answer_always(Some(Answer::status(200)));
    }

    /// What the webhook found wrong with requests: form, or signature.
    pub fn complaints(&self) -> Vec<String> {
        self.webhook.complaints()
    }

    /// Everything any of them was ever sent, as one text to search.
    pub fn everything(&self) -> Result<String, DemoError> {
        let mut all = read(&self.file)?;
        for request in self.webhook.requests() {
            all.push_str(&String::from_utf8_lossy(&request.body));
        }
        for (_, _, columns) in self.table.rows("Leads") {
            all.extend(columns.values().map(ToString::to_string));
        }
        all.push_str(&self.crms.everything());
        Ok(all)
    }

    fn webhook_shelf(&self) -> Shelf {
        let leads = self.webhook.requests().into_iter().filter_map(|request| {
            let lead = request.json()["data"]["leadId"].as_str()?.to_owned();
            Some((request.header("webhook-id")?.to_owned(), lead))
        });
        let lead_of: BTreeMap<String, String> = leads.collect();
        let held = self.webhook.leads().into_iter();
        let mut holdings: Shelf = held
            .map(|held| {
                let revision = held.revision;
                (
                    held.id,
                    Holding {
                        revision: Some(revision),
                        doubles: 0,
                    },
                )
            })
            .collect();
        let mut seen = BTreeSet::new();
        for event in self.taken.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if !seen.insert(event.clone())
                && let Some(holding) = lead_of.get(event).and_then(|lead| holdings.get_mut(lead))
            {
                holding.doubles += 1;
            }
        }
        holdings
    }

    fn table_shelf(&self) -> Shelf {
        let mut holdings = Shelf::new();
        for (_, row, columns) in self.table.rows("Leads") {
            let revision = columns.get("Revision").and_then(serde_json::Value::as_u64);
            take(&mut holdings, row, revision.unwrap_or_default());
        }
        holdings
    }
}

fn webhook(site: &Site, clock: Arc<dyn Clock>) -> Webhook {
    let rules = Rules {
        secrets: vec![site.secrets.webhook.clone()],
        form: Form::Standard,
    };
    let webhook = Webhook::new(rules, Arc::new(move || clock.now().timestamp()));
    webhook.answer_next([Answer::status(503).header("retry-after", "1")]);
    webhook.refuse_containing(REFUSED_MARK);
    webhook
}

/// The webhook, and somebody who writes down which events it took.
fn witnessed(webhook: &Webhook, taken: &Taken) -> Router {
    let taken = Arc::clone(taken);
    let witness = move |request: Request, next: Next| {
        let event = request.headers().get("webhook-id").cloned();
        let taken = Arc::clone(&taken);
        async move {
            let answer = next.run(request).await;
            if let Some(event) = event.filter(|_| answer.status().is_success()) {
                let event = String::from_utf8_lossy(event.as_bytes()).into_owned();
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
            answer
        }
    };
    webhook.router().layer(from_fn(witness))
}

/// The pretend service's clock moves only when turned; here it follows ours.
fn on_time(table: &AzureTable, clock: Arc<dyn Clock>) -> Router {
    let turned = table.clone();
    let turn = move |request: Request, next: Next| {
        turned.advance(clock.now() - turned.now());
        next.run(request)
    };
    table.router().layer(from_fn(turn))
}

fn file_shelf(path: &Path) -> Result<Shelf, DemoError> {
    #[derive(serde::Deserialize)]
    struct Line {
        key: String,
        revision: u64,
    }
    let mut shelf = Shelf::new();
    for line in read(path)?.lines() {
        let line: Line =
            serde_json::from_str(line).map_err(DemoError::while_doing("read a line of its file"))?;
        take(&mut shelf, line.key, line.revision);
    }
    Ok(shelf)
}

/// Revisions of a lead come in their order, so one that is not newer came twice.
fn take(shelf: &mut Shelf, lead: String, revision: u64) {
    let holding = shelf.entry(lead).or_default();
    if holding.revision.is_none_or(|held| revision > held) {
        holding.revision = Some(revision);
    } else {
        holding.doubles += 1;
    }
}

/// The file's text; empty before the first lead.
fn read(path: &Path) -> Result<String, DemoError> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(DemoError::while_doing("read the leads in its file")),
    }
}
