//! Against Azurite, Microsoft's own emulator of the Table service, over the real network.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use connector_azure_table::build;
use connector_kit::clock::ManualClock;
use connector_kit::conformance::leads;
use connector_kit::dice::Dice;
use connector_kit::http::{
    Request, ReqwestFactory, Response, Transport, TransportError, TransportFactory, TransportSettings,
};
use connector_kit::mapping::{FieldRule, Overflow};
use connector_kit::secret::SecretReader;
use connector_kit::{
    Checkpoint, ConfigError, Connector, ConnectorContext, ConnectorSettings, ErrorKind, LeadDelivery, LeadId,
    RawLead, Role, Withdrawn,
};

use crate::support::{deliveries, noon};

mod counted;

const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running emulator; it ends with the test.
struct Azurite {
    child: Child,
    port: u16,
}

impl Azurite {
    fn start() -> Self {
        for _ in 0..5 {
            if let Some(running) = Self::try_start() {
                return running;
            }
        }
        panic!("azurite does not start");
    }

    /// None when somebody took the port between choosing and using it.
    fn try_start() -> Option<Self> {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/azurite/node_modules/.bin/azurite-table");
        assert!(
            program.exists(),
            "azurite is not installed: run ./scripts/test, or `npm ci` in tests/azurite"
        );
        let chosen = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = chosen.local_addr().expect("an address").port();
        drop(chosen);
        let mut child = Command::new(program)
            .args(["--tableHost", "127.0.0.1", "--tablePort", &port.to_string()])
            .args([
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                "--silent",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let listens = lines.any(|line| line.is_ok_and(|line| line.contains("successfully started")));
        let running = Self { child, port };
        listens.then_some(running)
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }

    fn with_key(&self) -> String {
        format!(
            "AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={}",
            self.endpoint()
        )
    }

    fn with_sas(&self, token: &str) -> String {
        format!("SharedAccessSignature={token};TableEndpoint={}", self.endpoint())
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real way to the network, counted, and able to spoil one row of a batch.
#[derive(Clone)]
struct Watched {
    calls: Arc<Mutex<Vec<String>>>,
    spoiled: Option<LeadId>,
}

struct WatchedTransport {
    inner: Arc<dyn Transport>,
    watched: Watched,
}

impl Watched {
    fn new() -> Self {
        Self {
            calls: Arc::default(),
            spoiled: None,
        }
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().expect("no panic"))
    }
}

impl TransportFactory for Watched {
    fn transport(&self, settings: &TransportSettings) -> Result<Arc<dyn Transport>, ConfigError> {
        let inner = ReqwestFactory::new("leadsync/test").transport(settings)?;
        Ok(Arc::new(WatchedTransport {
            inner,
            watched: self.clone(),
        }))
    }
}

#[async_trait]
impl Transport for WatchedTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let name = request
            .uri()
            .path()
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .split('(')
            .next()
            .unwrap_or_default();
        self.watched
            .calls
            .lock()
            .expect("no panic")
            .push(format!("{} {name}", request.method()));
        let request = request.map(|body| self.watched.spoil(&body));
        self.inner.send(request).await
    }
}

impl Watched {
    /// Gives the row a number typed as the emulator refuses it. The body is not signed.
    fn spoil(&self, body: &Bytes) -> Bytes {
        let Some(id) = self.spoiled else {
            return body.clone();
        };
        let mark = format!("\"LeadId\":\"{id}\"");
        let spoiled = format!("\"X\":5,\"X@odata.type\":\"Edm.Int64\",{mark}");
        String::from_utf8_lossy(body).replace(&mark, &spoiled).into()
    }
}

fn connect(
    connection: &str,
    role: Role,
    extra: &str,
    change: impl FnOnce(&mut ConnectorSettings),
    way: &Watched,
) -> Connector {
    let text =
        format!("connection_string = {{ env = \"C\" }}\nallow_private_targets = [\"127.0.0.0/8\"]\n{extra}");
    let mut settings = ConnectorSettings {
        roles: vec![role],
        settings: toml::from_str(&text).expect("settings"),
        ..ConnectorSettings::default()
    };
    change(&mut settings);
    let context = ConnectorContext {
        name: "table".to_owned(),
        clock: Arc::new(ManualClock::new(noon())),
        dice: Dice::from_system().expect("dice"),
        secrets: SecretReader {
            env: [("C".to_owned(), connection.to_owned())].into_iter().collect(),
            ..SecretReader::default()
        },
        transports: Arc::new(way.clone()),
        calls: connector_kit::CallBook::default(),
        state_dir: None,
    };
    build(&settings, &context).expect("a connector")
}

async fn deliver(connection: &str, leads: &[LeadDelivery], way: &Watched) {
    let destination = connect(connection, Role::Destination, "", |_| {}, way)
        .destination
        .expect("a destination");
    for result in destination.upsert(leads).await {
        result.expect("delivered");
    }
}

/// All rows, in one or more passes of fresh connectors; a new one after so many pages.
async fn read_all(connection: &str, limit: usize, restart_after: usize) -> Vec<RawLead> {
    let mut rows = Vec::new();
    let mut checkpoint: Option<Checkpoint> = None;
    let mut restarts = 1;
    loop {
        let source = connect(connection, Role::Source, "", |_| {}, &Watched::new())
            .source
            .expect("a source");
        let mut pages = 0;
        loop {
            let batch = source.poll(checkpoint.as_ref(), limit).await.expect("a page");
            rows.extend(batch.items);
            checkpoint = batch.next;
            pages += 1;
            if !batch.more {
                return rows;
            }
            if pages == restart_after && restarts > 0 {
                restarts -= 1;
                break;
            }
        }
    }
}

fn references(rows: &[RawLead]) -> BTreeSet<String> {
    rows.iter()
        .map(|row| row.reference.clone().expect("a reference"))
        .collect()
}

/// Leads of five months.
fn scattered(count: u64) -> Vec<LeadDelivery> {
    let mut leads = deliveries(count);
    for (n, delivery) in (0_u64..).zip(&mut leads) {
        let mut lead = (*delivery.lead).clone();
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        lead.id = LeadId::new(1_785_000_000_000 + (n % 5) * 2_678_400_000 + n, &random);
        delivery.lead = Arc::new(lead);
    }
    leads
}

#[tokio::test]
async fn two_hundred_and_fifty_leads_are_three_calls_and_the_making_of_the_table() {
    let azurite = Azurite::start();
    let way = Watched::new();
    deliver(&azurite.with_key(), &deliveries(250), &way).await;
    // The first transaction is sent again once the table is there.
    assert_eq!(
        way.calls(),
        [
            "POST $batch",
            "POST Tables",
            "POST $batch",
            "POST $batch",
            "POST $batch"
        ]
    );
    deliver(&azurite.with_key(), &deliveries(250), &way).await;
    assert_eq!(way.calls(), ["POST $batch", "POST $batch", "POST $batch"]);
    assert_eq!(
        references(&read_all(&azurite.with_key(), 1000, 0).await).len(),
        250
    );
}

#[tokio::test]
async fn writing_again_leaves_the_same_rows() {
    let azurite = Azurite::start();
    let way = Watched::new();
    for count in [1, 100] {
        deliver(&azurite.with_key(), &deliveries(count), &way).await;
        let first = references(&read_all(&azurite.with_key(), 1000, 0).await);
        deliver(&azurite.with_key(), &deliveries(count), &way).await;
        assert_eq!(references(&read_all(&azurite.with_key(), 1000, 0).await), first);
        assert_eq!(u64::try_from(first.len()), Ok(count));
    }
}

#[tokio::test]
async fn a_canary_is_deleted_and_its_neighbour_stays() {
    let azurite = Azurite::start();
    let way = Watched::new();
    let connection = azurite.with_key();
    deliver(
        &connection,
        &[leads::canary_delivery(1), leads::delivery(2)],
        &way,
    )
    .await;
    assert_eq!(read_all(&connection, 1000, 0).await.len(), 2);
    let connector = connect(&connection, Role::Destination, "", |_| {}, &way);
    let withdraw = connector.withdraw.expect("the role");
    for _ in 0..2 {
        let taken = withdraw.withdraw(&leads::canary(1)).await.expect("taken away");
        assert_eq!(taken, Withdrawn::Gone);
    }
    let taken = withdraw.withdraw(&leads::canary(2)).await.expect("looked at");
    assert_eq!(taken, Withdrawn::NotOurs);
    assert_eq!(read_all(&connection, 1000, 0).await.len(), 1);
}

#[tokio::test]
async fn a_row_azurite_refuses_is_taken_out_of_its_transaction() {
    let azurite = Azurite::start();
    let leads = deliveries(100);
    let bad = leads[41].lead.id;
    let way = Watched {
        spoiled: Some(bad),
        ..Watched::new()
    };
    let destination = connect(&azurite.with_key(), Role::Destination, "", |_| {}, &way)
        .destination
        .expect("a destination");
    let results = destination.upsert(&leads).await;
    for (at, result) in results.iter().enumerate() {
        assert_eq!(result.is_err(), at == 41, "{at}: {result:?}");
    }
    let error = results[41].as_ref().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(way.calls().len() <= 4);
    let rows = read_all(&azurite.with_key(), 1000, 0).await;
    assert_eq!(rows.len(), 99);
    assert!(rows.iter().all(|row| {
        row.reference
            .as_ref()
            .is_some_and(|name| !name.contains(&bad.to_string()))
    }));
}

#[tokio::test]
async fn a_row_the_mapping_refuses_costs_no_call() {
    let azurite = Azurite::start();
    let mut leads = deliveries(100);
    let mut long = (*leads[7].lead).clone();
    long.touches[0].description = "far too long".to_owned();
    leads[7].lead = Arc::new(long);
    for (at, delivery) in leads.iter_mut().enumerate().filter(|(at, _)| *at != 7) {
        let mut lead = (*delivery.lead).clone();
        lead.touches[0].description = format!("n{at}");
        delivery.lead = Arc::new(lead);
    }
    let rule = FieldRule {
        from: Some("touch.description".to_owned()),
        max_length: Some(5),
        on_overflow: Overflow::Error,
        ..FieldRule::default()
    };
    let way = Watched::new();
    let own = |settings: &mut ConnectorSettings| {
        settings.mapping.insert("Note".to_owned(), rule);
    };
    let destination = connect(&azurite.with_key(), Role::Destination, "", own, &way)
        .destination
        .expect("a destination");
    let results = destination.upsert(&leads).await;
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
    let error = results[7].as_ref().expect_err("refused");
    assert!(error.to_string().contains("Note"), "{error}");
    assert_eq!(way.calls(), ["POST $batch", "POST Tables", "POST $batch"]);
}

#[tokio::test]
async fn more_than_a_thousand_rows_of_five_partitions_come_once_each() {
    let azurite = Azurite::start();
    let leads = scattered(1_150);
    deliver(&azurite.with_key(), &leads, &Watched::new()).await;
    let expected: BTreeSet<String> = leads
        .iter()
        .map(|delivery| delivery.lead.id.to_string())
        .collect();
    // In one go, with a page the service cuts; in small pages; and with a restart in the middle.
    for (limit, restart_after) in [(5_000, 0), (170, 0), (170, 3)] {
        let rows = read_all(&azurite.with_key(), limit, restart_after).await;
        let unique = references(&rows);
        assert_eq!(unique.len(), 1_150, "limit {limit}");
        let keys: BTreeSet<String> = unique
            .iter()
            .filter_map(|name| name.split('/').nth(1).map(str::to_owned))
            .collect();
        assert_eq!(keys, expected);
        let again = if restart_after > 0 { 3 * 170 } else { 0 };
        assert_eq!(rows.len(), 1_150 + again, "only a restart reads rows twice");
    }
}

#[tokio::test]
async fn a_second_poll_sees_what_was_added_and_the_overlap() {
    let azurite = Azurite::start();
    deliver(&azurite.with_key(), &deliveries(20), &Watched::new()).await;
    let source = connect(&azurite.with_key(), Role::Source, "", |_| {}, &Watched::new())
        .source
        .expect("a source");
    let first = source.poll(None, 1000).await.expect("a page");
    assert_eq!(first.items.len(), 20);
    deliver(&azurite.with_key(), &deliveries(25), &Watched::new()).await;
    let second = source.poll(first.next.as_ref(), 1000).await.expect("a page");
    let (before, after) = (references(&first.items), references(&second.items));
    assert!(
        after.is_superset(&before),
        "rewritten without a change: the same references"
    );
    assert_eq!(after.len(), 25);
    assert!(second.items.is_sorted_by_key(|row| row.occurred_at));
}

#[tokio::test]
async fn shared_access_signatures_open_what_they_grant() {
    let azurite = Azurite::start();
    // Of the contract's vectors: an account signature that may do all, a table's that may read.
    let vectors: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../tests/fixtures/azure-table/sas-vectors.json"
    ))
    .expect("the vectors");
    let token = |at: usize| {
        vectors["vectors"][at]["query"]
            .as_str()
            .expect("a token")
            .to_owned()
    };
    for account in [token(0), token(1)] {
        deliver(&azurite.with_sas(&account), &deliveries(30), &Watched::new()).await;
        assert_eq!(read_all(&azurite.with_sas(&account), 7, 0).await.len(), 30);
    }
    assert_eq!(read_all(&azurite.with_sas(&token(2)), 7, 0).await.len(), 30);
    let forged = token(2).replace("sig=MAAj", "sig=NAAj");
    let source = connect(
        &azurite.with_sas(&forged),
        Role::Source,
        "",
        |_| {},
        &Watched::new(),
    )
    .source
    .expect("a source");
    let error = source.poll(None, 10).await.expect_err("forged");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(!format!("{error:?}").contains("sig="), "{error:?}");
}

#[tokio::test]
async fn both_signatures_and_the_second_key_open_the_account() {
    let azurite = Azurite::start();
    for scheme in ["shared-key-lite", "shared-key"] {
        let extra = format!("signature = \"{scheme}\"");
        let connector = connect(
            &azurite.with_key(),
            Role::Destination,
            &extra,
            |_| {},
            &Watched::new(),
        );
        let results = connector
            .destination
            .expect("a destination")
            .upsert(&deliveries(3))
            .await;
        assert!(results.iter().all(Result::is_ok), "{scheme}: {results:?}");
        connector
            .probe
            .expect("a probe")
            .probe()
            .await
            .expect("reachable");
    }
    let wrong = azurite.with_key().replace(KEY, "d3Jvbmcta2V5");
    let destination = connect(&wrong, Role::Destination, "", |_| {}, &Watched::new())
        .destination
        .expect("a destination");
    let results = destination.upsert(&deliveries(1)).await;
    assert_eq!(
        results[0].as_ref().expect_err("refused").kind(),
        ErrorKind::Unauthorized
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), KEY).expect("written");
    let extra = format!("second_key = {{ file = \"{}\" }}", file.path().display());
    let destination = connect(&wrong, Role::Destination, &extra, |_| {}, &Watched::new())
        .destination
        .expect("a destination");
    assert!(destination.upsert(&deliveries(3)).await.iter().all(Result::is_ok));
}
