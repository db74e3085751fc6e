//! Microsoft's dispatcher: posts every event as soon as it is due, and remembers when that was.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::DateTime;
use leadsync_sim::partner_center::{Delivery, PartnerCenter};

use super::sides::Sides;
use crate::clock;

/// Nobody waits longer for a 200.
const PATIENCE: Duration = Duration::from_secs(10);

/// The thread that posts; it ends with this value.
pub(super) struct Teller {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

struct Shared {
    center: PartnerCenter,
    address: SocketAddr,
    stop: AtomicBool,
    /// When a referral was first told of.
    told: Mutex<BTreeMap<String, Instant>>,
}

impl Teller {
    /// Posts to this door from now on.
    pub(super) fn begin(sides: &Sides, address: SocketAddr) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            center: sides.center.clone(),
            address,
            stop: AtomicBool::new(false),
            told: Mutex::default(),
        });
        let working = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("teller".into())
            .spawn(move || working.work())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// When the first event of a referral was handed to the door.
    pub(super) fn told(&self, referral: &str) -> Option<Instant> {
        let told = self.shared.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(referral).copied()
    }

    /// Lets it finish; every event must have been taken.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.shared.stop.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        ended.context("it ended before")?.ok().context("it panicked")?
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

impl Shared {
    fn work(&self) -> anyhow::Result<()> {
        while !self.stop.load(Ordering::Acquire) {
            let now = DateTime::from_timestamp_millis(clock::unix_millis()).unwrap_or_default();
            for told in self.center.due_deliveries(now) {
                let status = self.post(&told)?;
                self.center.answered(told.id, Some(status));
                ensure!(status == 200, "an event was answered {status}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The proof is made before the clock starts: that is Microsoft's time.
    fn post(&self, told: &Delivery) -> anyhow::Result<u16> {
        let headers = told.headers();
        let lines: String = headers
            .iter()
            .map(|(name, value)| [*name, ": ", value, "\r\n"].concat())
            .collect();
        let request = format!(
            "POST /v1/partner-center/events HTTP/1.1\r\nHost: leads.contoso.example\r\nConnection: close\r\n{lines}Content-Length: {}\r\n\r\n",
            told.body.len()
        );
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        if let Some(referral) = &told.referral {
            let mut first = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            first.entry(referral.to_string()).or_insert_with(Instant::now);
        }
        stream.write_all(&[request.as_bytes(), told.body.as_ref()].concat())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.context("an event was not answered")
    }
}
