//! Compares a presented secret without telling how near it was.

use connector_kit::secret::Secret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The hashes of the secrets that open one source.
///
/// Hashes are compared, all of them, in constant time: neither the length nor the beginning of a
/// secret shows in the time it takes to be refused.
#[derive(Clone)]
pub struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// Opened by any of `secrets`.
    pub fn new(secrets: &[Secret]) -> Self {
        Self(secrets.iter().map(|secret| hash(secret.expose())).collect())
    }

    /// Never opened; for the time it takes to find out.
    pub fn none() -> Self {
        Self(vec![[0; 32]])
    }

    /// True when `presented` is one of the secrets.
    pub fn open(&self, presented: &str) -> bool {
        let presented = hash(presented);
        let mut open = Choice::from(0);
        for key in &self.0 {
            open |= key.ct_eq(&presented);
        }
        open.into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_secrets_open_during_rotation_and_nothing_else_does() {
        let keys = Keys::new(&[Secret::new("old-secret"), Secret::new("new-secret")]);
        for right in ["old-secret", "new-secret"] {
            assert!(keys.open(right));
        }
        for wrong in [
            "",
            "old-secre",
            "old-secret ",
            "OLD-SECRET",
            "old-secretnew-secret",
        ] {
            assert!(!keys.open(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn nothing_opens_a_source_that_is_not_there() {
        for any in ["", "secret", "\0"] {
            assert!(!Keys::none().open(any));
        }
    }
}
