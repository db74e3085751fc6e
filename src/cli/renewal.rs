//! How the daemon comes by another config: the files it was started with, and who hears of it.

use std::sync::{Arc, OnceLock};

use sd_notify::NotifyState;

use super::logging::Volume;
use super::{Place, watchdog};
use crate::admin::{NotReloaded, Reloaded};
use crate::app::{Attendant, Blueprint, Outside, Renewal};
use crate::config::{Config, Loaded};

/// Reads the same files again. `status` is what the service manager hears while all is well.
pub(super) fn renewal(
    place: &Place,
    outside: Outside,
    volume: Volume,
    status: Arc<OnceLock<String>>,
) -> Renewal {
    let path = place.config.clone();
    Renewal {
        redraw: Arc::new(move |purses| {
            let loaded = Config::load(&path, &outside.secrets.env)?;
            Blueprint::redraw(loaded, outside.clone(), purses)
        }),
        attendant: Arc::new(Manager { volume, status }),
    }
}

/// The service manager, and how much the log tells.
struct Manager {
    volume: Volume,
    status: Arc<OnceLock<String>>,
}

impl Attendant for Manager {
    fn begun(&self) {
        watchdog::tell_of_reload();
    }

    fn applied(&self, loaded: &Loaded) {
        self.volume.set(&loaded.config.log);
    }

    fn ended(&self, result: &Result<Reloaded, NotReloaded>) {
        let usual = self.status.get().map_or("", String::as_str);
        let status = match result {
            Ok(_) => usual.to_owned(),
            Err(NotReloaded::Refused(wrong)) => {
                let first = wrong.mistakes().first().map(ToString::to_string);
                format!("{usual}; a new config was refused: {}", first.unwrap_or_default())
            }
            Err(NotReloaded::Failed) => format!("{usual}; a new config could not be read"),
            // It has said that it is stopping; being ready would take that back.
            Err(NotReloaded::Stopping) => return,
        };
        watchdog::tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }
}
