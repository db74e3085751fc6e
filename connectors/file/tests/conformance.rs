//! The kit's promises against the file system.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are part of the test")]

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::clock::SystemClock;
use connector_kit::conformance::{self, CensusHarness, DestinationHarness, HeldRecord, System, leads};
use connector_kit::dice::Dice;
use connector_kit::http::ReqwestFactory;
use connector_kit::secret::SecretReader;
use connector_kit::{
    Batch, Census, Checkpoint, ConfigError, Connector, ConnectorContext, ConnectorError, ConnectorSettings,
    Destination, ErrorKind, Held, LeadDelivery, Sought,
};
use serde_json::Value;

fn build(text: &str) -> Result<Connector, ConfigError> {
    let settings = ConnectorSettings {
        settings: text.parse().unwrap(),
        ..ConnectorSettings::default()
    };
    let context = ConnectorContext {
        name: "leads-file".into(),
        clock: Arc::new(SystemClock),
        dice: Dice::seeded(7),
        secrets: SecretReader::default(),
        transports: Arc::new(ReqwestFactory::new("leadsync/test")),
        calls: connector_kit::CallBook::default(),
        state_dir: None,
    };
    connector_file::build(&settings, &context)
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.0.path().join("leads.jsonl")).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[async_trait]
impl System for Directory {
    /// Reads the file the way its README tells.
    async fn records(&self) -> Vec<HeldRecord> {
        let mut newest: BTreeMap<String, Value> = BTreeMap::new();
        for line in self.lines() {
            let key = line["key"].as_str().unwrap().to_owned();
            let is_newer = newest
                .get(&key)
                .is_none_or(|held| held["revision"].as_u64() <= line["revision"].as_u64());
            if is_newer {
                newest.insert(key, line);
            }
        }
        let held = newest.into_iter().map(|(key, line)| HeldRecord {
            key,
            revision: line["revision"]
                .as_u64()
                .and_then(|revision| u32::try_from(revision).ok()),
            text: line.to_string(),
        });
        held.collect()
    }
}

struct Harness;

#[async_trait]
impl DestinationHarness for Harness {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn System>) {
        let directory = Directory(tempfile::tempdir().unwrap());
        let path = directory.0.path().join("leads.jsonl");
        let connector = build(&format!("path = '{}'", path.display())).unwrap();
        (connector.destination.unwrap(), Arc::new(directory))
    }

    fn unacceptable(&self) -> Option<LeadDelivery> {
        let mut delivery = leads::delivery(666);
        Arc::make_mut(&mut delivery.lead).touches[0].description = "x".repeat(1 << 20);
        Some(delivery)
    }
}

#[tokio::test]
async fn a_file_keeps_every_promise_of_a_destination() {
    conformance::destination(&Harness).await;
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_the_operators_fault_and_heals() {
    let directory = tempfile::tempdir().unwrap();
    let later = directory.path().join("later");
    let connector = build(&format!("path = '{}'", later.join("leads.jsonl").display())).unwrap();
    let (destination, probe) = (connector.destination.unwrap(), connector.probe.unwrap());
    let error = destination
        .upsert(&[leads::delivery(1)])
        .await
        .remove(0)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(probe.probe().await.is_err());
    std::fs::create_dir(&later).unwrap();
    assert!(destination.upsert(&[leads::delivery(1)]).await[0].is_ok());
    assert!(probe.probe().await.unwrap().findings[0].contains("can be written"));
}

#[test]
fn settings_that_cannot_work_name_their_key() {
    for (text, key) in [
        ("", "settings"),
        ("path = 'leads.jsonl'", "settings.path"),
        ("path = '/x'\nmax_bytes = 1", "settings.max_bytes"),
        ("path = '/x'\nkeep = 0", "settings.keep"),
        ("path = '/x'\nbatch_max = 0", "settings.batch_max"),
        ("path = '/x'\npaht = 1", "settings.paht"),
    ] {
        assert_eq!(build(text).err().expect(text).key, key, "{text}");
    }
}

#[tokio::test]
async fn a_canary_is_taken_back_by_a_line_that_says_so() {
    let directory = Directory(tempfile::tempdir().unwrap());
    let path = directory.0.path().join("leads.jsonl");
    let connector = build(&format!("path = '{}'", path.display())).unwrap();
    let (destination, withdraw) = (connector.destination.unwrap(), connector.withdraw.unwrap());
    conformance::withdrawal(&*destination, &*withdraw, &directory).await;
    let canary = leads::canary(1);
    let lines = directory.lines().into_iter();
    let mut events = lines.filter(|line| line["key"] == canary.lead().to_string());
    let told: Vec<Value> = events.by_ref().map(|mut line| line["event"].take()).collect();
    assert_eq!(told, ["lead.created", "lead.withdrawn", "lead.withdrawn"]);
}

struct Counting;

#[async_trait]
impl CensusHarness for Counting {
    async fn fresh(&self) -> (Arc<dyn Destination>, Arc<dyn Census>, Box<dyn Any + Send>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("leads.jsonl");
        // The census remembers what it read: one of its own for each look.
        let connector = build(&format!("path = '{}'", path.display())).unwrap();
        let census = Arc::new(Fresh(path.display().to_string()));
        (connector.destination.unwrap(), census, Box::new(directory))
    }
}

/// Counts anew each time, as each command does.
struct Fresh(String);

impl Fresh {
    fn census(&self) -> Arc<dyn Census> {
        build(&format!("path = '{}'", self.0)).unwrap().census.unwrap()
    }
}

#[async_trait]
impl Census for Fresh {
    fn at_once(&self) -> usize {
        self.census().at_once()
    }

    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        self.census().find(sought).await
    }

    async fn list(
        &self,
        since: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError> {
        self.census().list(since, after).await
    }
}

#[tokio::test]
async fn a_file_keeps_every_promise_of_a_census() {
    conformance::census(&Counting).await;
}
