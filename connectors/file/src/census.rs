//! What the file and those set aside hold: each lead's newest line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector_kit::{
    Batch, Census, Checkpoint, ConnectorError, ErrorKind, Held, HeldState, RecordRef, Sought,
};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::error::failed;

/// Leads of one page.
const PAGE: usize = 1000;

/// Reads the files once, and remembers the newest line of each lead.
pub(crate) struct LineCensus {
    path: PathBuf,
    keep: u32,
    lines: OnceCell<Arc<BTreeMap<String, Line>>>,
}

/// What is remembered of a line.
#[derive(Clone, Copy, Debug)]
struct Line {
    revision: u32,
    at: DateTime<Utc>,
}

/// Of a line, what tells it from others.
#[derive(Deserialize)]
struct Keyed {
    key: String,
    revision: u32,
    at: DateTime<Utc>,
}

impl LineCensus {
    pub(crate) fn new(path: PathBuf, keep: u32) -> Self {
        Self {
            path,
            keep,
            lines: OnceCell::new(),
        }
    }

    async fn lines(&self) -> Result<&BTreeMap<String, Line>, ConnectorError> {
        let read = self.lines.get_or_try_init(|| async {
            let (path, keep) = (self.path.clone(), self.keep);
            let read = tokio::task::spawn_blocking(move || read_all(&path, keep)).await;
            match read {
                Ok(Ok(lines)) => Ok(Arc::new(lines)),
                Ok(Err(error)) => Err(failed("count the lines of", &self.path, error)),
                Err(error) => Err(ConnectorError::new(ErrorKind::Broken, "count lines").source(error)),
            }
        });
        Ok(read.await?)
    }

    fn held(&self, key: &str, line: Line) -> Held {
        Held {
            key: key.to_owned(),
            record: RecordRef(format!("{}#{key}", self.path.display())),
            state: HeldState::Open,
            revision: Some(line.revision),
            person: None,
        }
    }
}

/// The newest line of each lead, in the file and in those set aside.
fn read_all(path: &Path, keep: u32) -> std::io::Result<BTreeMap<String, Line>> {
    let mut newest: BTreeMap<String, Line> = BTreeMap::new();
    let aside = (1..=keep).map(|number| PathBuf::from(format!("{}.{number}", path.display())));
    for file in std::iter::once(path.to_owned()).chain(aside) {
        let file = match std::fs::File::open(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            file => file?,
        };
        for line in BufReader::new(file).split(b'\n') {
            let Ok(Keyed { key, revision, at }) = serde_json::from_slice(&line?) else {
                continue;
            };
            let line = Line { revision, at };
            let known = newest.entry(key).or_insert(line);
            if known.revision < line.revision {
                *known = line;
            }
        }
    }
    Ok(newest)
}

#[async_trait]
impl Census for LineCensus {
    fn at_once(&self) -> usize {
        PAGE
    }

    async fn find(&self, sought: &[Sought]) -> Result<Vec<Held>, ConnectorError> {
        let lines = self.lines().await?;
        let found = sought.iter().filter_map(|one| {
            let key = one.lead.to_string();
            Some(self.held(&key, *lines.get(&key)?))
        });
        Ok(found.collect())
    }

    async fn list(
        &self,
        since: DateTime<Utc>,
        after: Option<&Checkpoint>,
    ) -> Result<Batch<Held>, ConnectorError> {
        let lines = self.lines().await?;
        let from = after.map_or("", |Checkpoint(key)| key.as_str());
        let behind = lines
            .iter()
            .filter(|(key, _)| from.is_empty() || key.as_str() > from);
        let page: Vec<(&String, &Line)> = behind.take(PAGE).collect();
        let next = page.last().map(|(key, _)| Checkpoint((*key).clone()));
        let recent = page.into_iter().filter(|(_, line)| line.at >= since);
        Ok(Batch {
            items: recent.map(|(key, line)| self.held(key, *line)).collect(),
            more: next.is_some(),
            next,
        })
    }
}
