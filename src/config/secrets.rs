//! The secrets in the intake URLs: read, and refused when they are weak or shared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use connector_kit::secret::{Secret, SecretReader};
use connector_kit::{ConfigError, SourceName};

use super::load::Loaded;
use super::{Diagnostics, Mistake};

/// 22 letters of 6 bits hold 128 bits (reliability T1).
const SHORTEST: usize = 22;

/// The folder beside the main file that holds credentials where no service manager hands them over.
const CREDENTIALS: &str = "credentials";

impl Loaded {
    /// Where credentials lie on this machine: the unit loads them from here, and what is run by hand reads them here.
    pub fn credentials_folder(&self) -> PathBuf {
        let directory = self.document.path().parent().unwrap_or(Path::new(""));
        directory.join(CREDENTIALS)
    }

    /// The reader itself where a service manager handed credentials over; else one that looks beside the config,
    /// as far as this process may look there.
    #[must_use]
    pub fn with_credentials_beside(&self, reader: &SecretReader) -> SecretReader {
        let mut reader = reader.clone();
        if reader.credentials_dir.is_none() {
            let folder = self.credentials_folder();
            reader.credentials_dir = std::fs::read_dir(&folder).is_ok().then_some(folder);
        }
        reader
    }

    /// Reads the secrets of all HTTPS sources. Each must be at least 128 bits strong and belong to
    /// one source alone; the mistakes say where, never what.
    pub fn source_secrets(
        &self,
        reader: &SecretReader,
    ) -> Result<BTreeMap<SourceName, Vec<Secret>>, Diagnostics> {
        let mut found: BTreeMap<SourceName, Vec<Secret>> = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (name, source) in &self.config.sources {
            let mut secrets = Vec::new();
            for (index, reference) in source.secrets.iter().enumerate() {
                let read = reader.read(reference).map_err(|error| error.to_string());
                match read
                    .and_then(strong)
                    .and_then(|secret| unshared(secret, &found, &secrets))
                {
                    Ok(secret) => secrets.push(secret),
                    Err(why) => {
                        let key = format!("sources.{name}.secrets[{index}]");
                        mistakes.push(self.explain(&ConfigError::new(key, why)));
                    }
                }
            }
            found.insert(SourceName::new(name), secrets);
        }
        Diagnostics::new(mistakes).map_or(Ok(found), Err)
    }

    /// Reads what readers of the numbers have to show, where the config asks for it.
    pub fn metrics_token(&self, reader: &SecretReader) -> Result<Option<Secret>, Diagnostics> {
        let Some(reference) = &self.config.listen.metrics_token else {
            return Ok(None);
        };
        let read = reader.read(reference).map_err(|error| error.to_string());
        read.and_then(strong).map(Some).map_err(|why| {
            let error = ConfigError::new("listen.metrics_token", why);
            Diagnostics::one(self.explain(&error))
        })
    }

    fn explain(&self, error: &ConfigError) -> Mistake {
        self.mistake(None, error)
    }
}

fn strong(secret: Secret) -> Result<Secret, String> {
    let text = secret.expose();
    let letters = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !letters || text.len() < SHORTEST {
        return Err(format!(
            "this secret needs at least {SHORTEST} random characters of A-Z, a-z, 0-9, _ and -; \
             make one with: head -c 24 /dev/urandom | basenc --base64url"
        ));
    }
    Ok(secret)
}

fn unshared(
    secret: Secret,
    others: &BTreeMap<SourceName, Vec<Secret>>,
    own: &[Secret],
) -> Result<Secret, String> {
    if own.iter().any(|known| known.expose() == secret.expose()) {
        return Err("both secrets are the same".to_owned());
    }
    match others
        .iter()
        .find(|(_, known)| known.iter().any(|known| known.expose() == secret.expose()))
    {
        Some((other, _)) => Err(format!(
            "source `{other}` has the same secret; each needs its own"
        )),
        None => Ok(secret),
    }
}
