//! Leads go to disk: write the lines, flush once, answer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use connector_kit::mapping::Mapping;
use connector_kit::{
    ConfigError, ConnectorError, ConnectorSettings, Destination, ErrorKind, LeadDelivery, Probe, ProbeReport,
    Receipt, Rendered,
};

use crate::census::LineCensus;
use crate::config::Settings;
use crate::error::failed;
use crate::log::Log;
use crate::mapping::write_line;

/// The role.
pub(crate) struct File {
    log: Arc<Mutex<Log>>,
    path: PathBuf,
    keep: u32,
    mapping: Option<Mapping>,
    batch_max: usize,
}

impl File {
    pub(crate) fn new(written: &ConnectorSettings) -> Result<Self, ConfigError> {
        let settings: Settings = written.parse()?;
        settings.check()?;
        let mapping = if written.mapping.is_empty() {
            None
        } else {
            Some(Mapping::parse(&written.mapping, &written.tables)?)
        };
        let log = Log::new(settings.path.clone(), settings.max_bytes, settings.keep);
        Ok(Self {
            log: Arc::new(Mutex::new(log)),
            path: settings.path,
            keep: settings.keep,
            mapping,
            batch_max: settings.batch_max,
        })
    }

    /// What counts its lines.
    pub(crate) fn census(&self) -> LineCensus {
        LineCensus::new(self.path.clone(), self.keep)
    }

    /// Works on the file where blocking is allowed.
    pub(crate) async fn with_log<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Log) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ConnectorError> {
        let log = Arc::clone(&self.log);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut log.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match done.await {
            Ok(result) => result.map_err(|error| failed(doing, &self.path, error)),
            Err(error) => Err(ConnectorError::new(ErrorKind::Broken, doing).source(error)),
        }
    }
}

#[async_trait]
impl Destination for File {
    fn batch_limit(&self) -> usize {
        self.batch_max
    }

    async fn upsert(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Receipt, ConnectorError>> {
        let mut lines = Vec::with_capacity(deliveries.len() * 1024);
        let written: Vec<_> = deliveries
            .iter()
            .map(|delivery| write_line(delivery, self.mapping.as_ref(), &mut lines))
            .collect();
        let on_disk = if lines.is_empty() {
            Ok(())
        } else {
            self.with_log("append to", move |log| log.append(&lines)).await
        };
        let answer =
            |line: Result<(), ConnectorError>| line.and(on_disk.clone()).map(|()| Receipt::default());
        written.into_iter().map(answer).collect()
    }

    fn preview(&self, deliveries: &[LeadDelivery]) -> Vec<Result<Rendered, ConnectorError>> {
        let line = |delivery: &LeadDelivery| {
            let mut line = Vec::with_capacity(1024);
            write_line(delivery, self.mapping.as_ref(), &mut line)?;
            let mut record = Rendered::default();
            record.members("", &serde_json::from_slice(&line).unwrap_or_default());
            Ok(record)
        };
        deliveries.iter().map(line).collect()
    }
}

#[async_trait]
impl Probe for File {
    async fn probe(&self) -> Result<ProbeReport, ConnectorError> {
        let size = self.with_log("open", Log::check).await?;
        Ok(ProbeReport {
            findings: vec![format!(
                "{} can be written and holds {size} bytes",
                self.path.display()
            )],
        })
    }
}
