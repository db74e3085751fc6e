//! What a test, or an administrator, does to the authority.

use serde_json::Value;

use super::assertion::Certificate;
use super::{App, Asked, Entra, Secret};

impl Entra {
    /// Where clients reach it; its answers name this origin, and assertions must.
    pub fn at(&self, origin: &str) {
        origin.trim_end_matches('/').clone_into(&mut self.book().origin);
    }

    /// Where clients reach it.
    pub fn origin(&self) -> String {
        self.book().origin.clone()
    }

    /// The id of its tenant.
    pub fn tenant(&self) -> String {
        self.book().tenant.clone()
    }

    /// Registers an application without credentials.
    pub fn register(&self, app: &str) {
        self.book().apps.entry(app.to_owned()).or_default();
    }

    /// Gives an application a secret, which may end at a Unix time; registers it if needed.
    pub fn add_secret(&self, app: &str, secret: &str, until: Option<i64>) {
        self.change(app, |app| {
            app.secrets.push(Secret {
                value: secret.to_owned(),
                until,
            });
        });
    }

    /// Takes a secret away from every application.
    pub fn remove_secret(&self, secret: &str) {
        for app in self.book().apps.values_mut() {
            app.secrets.retain(|held| held.value != secret);
        }
    }

    /// Registers a certificate (PEM) for an application.
    ///
    /// # Panics
    /// When the text holds no certificate.
    pub fn add_certificate(&self, app: &str, pem: &str) {
        let certificate = Certificate::read(pem);
        self.change(app, |app| app.certificates.push(certificate));
    }

    /// A system tokens can be had for, by its origin.
    pub fn add_resource(&self, origin: &str) {
        let origin = origin.trim_end_matches('/').to_owned();
        let mut book = self.book();
        if !book.resources.contains(&origin) {
            book.resources.push(origin);
        }
    }

    /// Tokens issued from now on live so many seconds.
    pub fn live_for(&self, seconds: i64) {
        self.book().lifetime = seconds;
    }

    /// What to write as `expires_in` instead of the lifetime; null leaves it out.
    pub fn say_expires_in(&self, value: Value) {
        self.book().expires_in = Some(value);
    }

    /// No token issued so far is good any more.
    pub fn revoke_all(&self) {
        for issued in &mut self.book().issued {
            issued.revoked = true;
        }
    }

    /// How many requests for a token came.
    pub fn fetches(&self) -> usize {
        self.book().requests.len()
    }

    /// Every request for a token, in order.
    pub fn requests(&self) -> Vec<Asked> {
        self.book().requests.clone()
    }

    pub(super) fn change(&self, app: &str, change: impl FnOnce(&mut App)) {
        change(self.book().apps.entry(app.to_owned()).or_default());
    }
}
