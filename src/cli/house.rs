//! What every command needs first: the config, the store, and a runtime to ask it with.

use std::sync::Arc;
use std::time::Duration;

use connector_kit::clock::{Clock, SystemClock};
use connector_kit::dice::Dice;
use connector_kit::http::{ReqwestFactory, TransportSettings};
use connector_kit::nearest::did_you_mean;
use connector_kit::secret::SecretReader;
use connector_kit::{CallBook, Connector};
use url::Url;

use super::{Exit, Place, counter};
use crate::app::{self, Outside};
use crate::config::{Config, ConnectorFile, Loaded};
use crate::store::sqlite::{Options, SqliteStore};

/// How we introduce ourselves to other systems.
pub(super) const USER_AGENT: &str = concat!("leadsync/", env!("CARGO_PKG_VERSION"));

/// Loads the config with this process's environment over it.
pub(super) fn config(place: &Place) -> Result<Loaded, Exit> {
    Ok(Config::load(
        &place.config,
        &SecretReader::from_environment().env,
    )?)
}

/// The real time, dice, secrets and network.
pub(super) fn outside() -> Result<Outside, Exit> {
    let dice = Dice::from_system().map_err(|error| Exit::failed(format!("no randomness: {error}")))?;
    Ok(Outside {
        clock: Arc::new(SystemClock),
        dice,
        secrets: SecretReader::from_environment(),
        transports: Arc::new(ReqwestFactory::new(USER_AGENT)),
    })
}

/// The connectors a command is about: those named, or all. The store and the doors are not touched.
pub(super) fn connectors(place: &Place, names: &[String]) -> Result<Vec<(ConnectorFile, Connector)>, Exit> {
    let loaded = config(place)?;
    known(&loaded, names)?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let book = |name: &str| wanted(name).then(CallBook::default);
    Ok(app::connectors(&loaded, &outside()?, book)?)
}

/// Refuses a name that no file of `connectors.d` has.
pub(super) fn known(loaded: &Loaded, names: &[String]) -> Result<(), Exit> {
    let known: Vec<&str> = loaded.connector_documents.keys().map(String::as_str).collect();
    let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let guess = did_you_mean(name, known.iter().copied());
    let known = known.join(", ");
    Err(Exit::missing(format!(
        "no connector is named {name:?}{guess}; in the config: {known}"
    )))
}

/// Opens the store beside a daemon that may be running, and asks it something.
pub(super) fn ask<T, A>(place: &Place, question: impl FnOnce(SqliteStore) -> A) -> Result<T, Exit>
where
    A: Future<Output = Result<T, Exit>>,
{
    let loaded = config(place)?;
    let path = loaded.config.store_path();
    if !path.exists() {
        return Err(Exit::missing(format!(
            "there is no store at {} yet: start the daemon first",
            path.display()
        )));
    }
    let store = SqliteStore::open_beside(&Options {
        // What the daemon may use, a command beside it may.
        file_system: None,
        ..Options::at(path)
    })?;
    runtime()?.block_on(question(store))
}

/// The same for commands that change something: a running daemon is woken afterwards.
pub(super) fn act<T, A>(place: &Place, act: impl FnOnce(SqliteStore) -> A) -> Result<T, Exit>
where
    A: Future<Output = Result<T, Exit>>,
{
    let done = ask(place, act)?;
    nudge(place)?;
    Ok(done)
}

/// The operator names the target: their own machine and network are what is looked at.
pub(super) fn to_ourselves(url: &Url) -> TransportSettings {
    TransportSettings {
        total_timeout: Duration::from_secs(20),
        // Loopback counts only where it is named for itself.
        allow_private_targets: ["0.0.0.0/0", "::/0", "127.0.0.0/8", "::1"]
            .map(Into::into)
            .to_vec(),
        allow_plain_http: true,
        allowed_ports: url.port_or_known_default().into_iter().collect(),
        ..TransportSettings::default()
    }
}

/// A small runtime for one command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Now, for commands that act.
pub(super) fn now() -> chrono::DateTime<chrono::Utc> {
    SystemClock.now()
}

/// Wakes a running daemon. Nobody there, or no answer: it finds out by itself within a minute.
pub(super) fn nudge(place: &Place) -> Result<(), Exit> {
    let admin = config(place)?.config.listen.admin;
    let _ = counter::post(&admin, "/v1/poke", Duration::from_secs(1));
    Ok(())
}
