//! Everything on this machine that may be in a lead's way, in the order in which one thing needs another.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::{Check, Health};

use super::daemon::{self, Answer};
use super::secrets::{self, Named};
use super::unit::Unit;
use super::{certificate, listener, service, state};
use crate::app::Outside;
use crate::cli::prefix::prefix;
use crate::config::{Document, Loaded, Mistake};

/// What is known of this machine before anything is judged.
pub(super) struct Machine<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) mistakes: &'a [Mistake],
    pub(super) outside: &'a Outside,
    pub(super) unit: Option<Unit>,
}

/// What was found, and what follows for the connectors.
pub(super) struct Examined {
    pub(super) checks: Vec<Check>,
    /// Connectors that cannot be built for want of a secret.
    pub(super) without_secrets: Vec<String>,
    /// No server can be believed here.
    pub(super) trusts_nobody: bool,
}

impl<'a> Machine<'a> {
    /// Gathers.
    pub(super) fn new(loaded: &'a Loaded, mistakes: &'a [Mistake], outside: &'a Outside) -> Self {
        Self {
            unit: Unit::find(&outside.secrets.env),
            loaded,
            mistakes,
            outside,
        }
    }

    /// Every place of the config that names a secret.
    pub(super) fn secrets(&self) -> Vec<Named> {
        let named = |connector: Option<&String>, document: &Document| {
            let connector = connector.cloned();
            let secrets = document.secrets().into_iter();
            secrets.map(move |(key, place)| Named {
                connector: connector.clone(),
                key,
                place,
            })
        };
        let connectors = self.loaded.connector_documents.iter();
        let connectors = connectors.flat_map(|(name, document)| named(Some(name), document));
        named(None, &self.loaded.document).chain(connectors).collect()
    }

    /// Whether the main file is TOML at all: of anything less wrong, the rest still holds.
    pub(super) fn is_readable(&self) -> bool {
        toml::from_str::<toml::Table>(self.loaded.document.text()).is_ok()
            && self.loaded.document.path().is_file()
    }

    /// Looks at everything. What depends on a main file that cannot be read is left out.
    pub(super) async fn examine(&self) -> Examined {
        let now = self.outside.clock.now();
        let mut checks = self.config();
        checks.push(self.clock(now));
        let roots = rustls_native_certs::load_native_certs().certs;
        checks.push(authorities(roots.len()));
        let mut without_secrets = Vec::new();
        if self.is_readable() {
            let config = &self.loaded.config;
            checks.extend(state::look(config));
            let found = secrets::look(self);
            checks.extend(found.checks);
            without_secrets = found.without;
            let answer = daemon::ask(&config.listen.admin);
            checks.extend(self.way_in(&answer, &roots, now).await);
            checks.extend(self.service());
            checks.push(daemon::runs(&config.listen.admin, &answer));
            checks.push(daemon::applied(self.loaded, &answer));
        } else {
            checks.extend(self.service());
        }
        Examined {
            checks,
            without_secrets,
            trusts_nobody: roots.is_empty(),
        }
    }

    /// The way of a lead to this machine.
    async fn way_in(
        &self,
        answer: &Answer,
        roots: &[rustls_pki_types::CertificateDer<'static>],
        now: DateTime<Utc>,
    ) -> Vec<Check> {
        let config = &self.loaded.config;
        let listen = &config.listen;
        let url = listen.public_url.as_ref();
        let has_socket = self.unit.as_ref().is_some_and(|unit| unit.has_socket);
        let secrets = self.loaded.with_credentials_beside(&self.outside.secrets);
        let mut checks = vec![
            listener::public(listen, answer, has_socket),
            listener::proxy(config),
        ];
        checks.extend(
            listen
                .tls
                .as_ref()
                .map(|tls| certificate::look(tls, url, &secrets, roots, now)),
        );
        let well = checks.iter().all(|check| check.health != Health::Ill);
        checks.push(if well {
            listener::address(url, answer, self.outside.transports.as_ref()).await
        } else {
            Check::unknown("public-url", "not looked at: the way to it is not free")
        });
        checks
    }

    fn service(&self) -> Vec<Check> {
        service::look(self.unit.as_ref(), &prefix(), self.loaded.config.log.level)
    }

    fn config(&self) -> Vec<Check> {
        const NAME: &str = "config";
        let unwritten = self.loaded.unwritten();
        if self.mistakes.is_empty() && unwritten.is_empty() {
            let files = self.loaded.connectors.len();
            let file = self.loaded.document.path().display();
            return vec![Check::well(
                NAME,
                format!("{file} and {files} files of connectors.d are right"),
            )];
        }
        let wrong = self.mistakes.iter().chain(&unwritten);
        wrong.map(super::mistaken).collect()
    }

    /// Nothing was written later than now.
    fn clock(&self, now: DateTime<Utc>) -> Check {
        const NAME: &str = "clock";
        let connectors = self.loaded.connector_documents.values();
        let texts = connectors
            .chain([&self.loaded.document])
            .map(|document| document.path().to_owned());
        let program = std::env::current_exe().ok();
        let store = self.loaded.config.store_path();
        let newest = texts.chain(program).chain([store]).filter_map(written).max();
        match newest {
            Some((at, path)) if at > now + TimeDelta::minutes(5) => Check::ill(
                NAME,
                format!(
                    "it is {} here, but {} was written {}",
                    day(now),
                    path.display(),
                    day(at)
                ),
                "set this machine's clock right (timedatectl set-ntp true)",
            ),
            _ => Check::well(NAME, synchronised()),
        }
    }
}

fn written(path: PathBuf) -> Option<(DateTime<Utc>, PathBuf)> {
    let at = std::fs::metadata(&path).ok()?.modified().ok()?;
    Some((at.into(), path))
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// systemd-timesyncd leaves a mark; other programs that set the clock leave none we could trust.
fn synchronised() -> &'static str {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        "set by the network's time"
    } else {
        "plausible; the connectors compare it with theirs"
    }
}

fn authorities(count: usize) -> Check {
    const NAME: &str = "ca-bundle";
    if count > 0 {
        return Check::well(NAME, format!("{count} authorities are trusted"));
    }
    Check::ill(
        NAME,
        "this machine trusts no authority, so no server can be believed",
        "install the package ca-certificates",
    )
}
