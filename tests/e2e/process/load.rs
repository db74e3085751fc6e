//! Senders: each posts one lead after the other, every lead another person.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Answer, GENEROUS, House, Kept, Ledger, Wire, lead_path, post};

/// How long a sender rests before it knocks again.
const BREATH: Duration = Duration::from_millis(2);

/// Persons that sent a lead so far: none is ever sent twice.
static PERSONS: AtomicU64 = AtomicU64::new(0);

/// Senders at work; they stop when told, or when this is dropped.
pub(crate) struct Load {
    pub(crate) ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
}

/// One sender's standing orders.
#[derive(Clone)]
struct Orders {
    address: SocketAddr,
    path: String,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    reconnect: bool,
}

impl Load {
    /// So many senders, each with a connection it keeps.
    pub(crate) fn begin(house: &House, senders: usize) -> Self {
        Self::with(house.public, senders, false)
    }

    /// So many senders, each with a new connection for each lead.
    pub(crate) fn begin_with_new_connections(house: &House, senders: usize) -> Self {
        Self::at(house.public, senders)
    }

    /// The same, at any address.
    pub(crate) fn at(address: SocketAddr, senders: usize) -> Self {
        Self::with(address, senders, true)
    }

    fn with(address: SocketAddr, senders: usize, reconnect: bool) -> Self {
        let orders = Orders {
            address,
            path: lead_path(),
            ledger: Arc::default(),
            stop: Arc::default(),
            reconnect,
        };
        let work = |_| {
            let orders = orders.clone();
            std::thread::spawn(move || orders.follow())
        };
        Self {
            ledger: Arc::clone(&orders.ledger),
            stop: Arc::clone(&orders.stop),
            senders: (0..senders).map(work).collect(),
        }
    }

    /// Lets each sender finish the request in hand; gives what they remember.
    pub(crate) fn end(mut self) -> Arc<Ledger> {
        self.stop.store(true, Ordering::Release);
        self.senders.drain(..).for_each(|sender| sender.join().unwrap());
        Arc::clone(&self.ledger)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

impl Orders {
    fn follow(self) {
        let mut open = None;
        while !self.stop.load(Ordering::Acquire) {
            let wire = match open.take().map_or_else(|| self.connect(), Ok) {
                Ok(wire) => wire,
                Err(kind) => {
                    if kind == ErrorKind::ConnectionRefused {
                        self.ledger.connection_refused();
                    }
                    std::thread::sleep(BREATH);
                    continue;
                }
            };
            open = self.send(wire).filter(|_| !self.reconnect);
        }
    }

    fn connect(&self) -> Result<Wire<TcpStream>, ErrorKind> {
        let stream = TcpStream::connect(self.address).map_err(|error| error.kind())?;
        stream.set_read_timeout(Some(GENEROUS)).unwrap();
        stream.set_nodelay(true).unwrap();
        Ok(Wire(stream))
    }

    /// Posts one lead; gives the connection back when it may be used again.
    fn send(&self, mut wire: Wire<TcpStream>) -> Option<Wire<TcpStream>> {
        let number = PERSONS.fetch_add(1, Ordering::Relaxed);
        let email = format!("person-{number}@company-{number}.example");
        let sent_at = Instant::now();
        match wire.exchange(&post(&self.path, &lead_body(&email))) {
            Ok(answer) => {
                self.write_down(&answer, email, sent_at);
                let closes = answer.header("connection") == Some("close");
                (!closes).then_some(wire)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.ledger.complain("no answer came");
                None
            }
            Err(error) if error.kind() == ErrorKind::Other => {
                self.ledger.complain(error.to_string());
                None
            }
            Err(_) => {
                self.ledger.connection_broke();
                None
            }
        }
    }

    fn write_down(&self, answer: &Answer, email: String, sent_at: Instant) {
        self.ledger.answered(answer.status);
        match answer.status {
            200..300 => self.ledger.keep(Kept { email, sent_at }),
            503 if answer.header("retry-after").is_none() => {
                self.ledger.complain("a 503 without Retry-After");
            }
            503 => std::thread::sleep(BREATH),
            other => self
                .ledger
                .complain(format!("an unexpected {other}: {}", answer.body)),
        }
    }
}

/// A lead of the person with this e-mail address.
pub(crate) fn lead_body(email: &str) -> String {
    serde_json::json!({
        "userDetails": {
            "FirstName": "Ada", "LastName": "Lovelace", "Email": email, "Phone": "+49 30 901820",
            "Country": "DE", "Company": "Analytical Engines", "Title": "Founder",
        },
        "LeadSource": "AzureMarketplace-INS|contoso.engine", "ActionCode": "INS",
        "OfferTitle": "Engine", "Description": "I would like to know more",
    })
    .to_string()
}
