//! How a record is sealed: AES-256-GCM, by a key made of the configured secret.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};

use crate::dice::Dice;
use crate::secret::Secret;

/// What a file begins with: ours, and of this form.
const MAGIC: [u8; 8] = *b"leadsyn1";
/// Tells a wrong key from a damaged record.
const MARK: usize = 8;
const HEAD: usize = MAGIC.len() + MARK;

/// The key of one owner.
pub(super) struct Seal {
    key: LessSafeKey,
    /// Made of the same secret as the key; says nothing about it.
    mark: [u8; MARK],
}

/// Why a record cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsealed {
    /// Sealed by another secret, or for another owner.
    OtherKey,
    /// Torn, changed, or another record's.
    Damaged,
}

impl Seal {
    /// One secret gives each owner another key, so that their files cannot be swapped.
    pub(super) fn of(secret: &Secret, owner: &str) -> Result<Self, Unspecified> {
        let made = Salt::new(HKDF_SHA256, &MAGIC).extract(secret.expose().as_bytes());
        let mut mark = [0; 32];
        made.expand(&[b"mark of ", owner.as_bytes()], HKDF_SHA256)?
            .fill(&mut mark)?;
        let key = key(&made, owner)?;
        let [mark, ..] = *mark.as_chunks().0 else {
            return Err(Unspecified);
        };
        Ok(Self { key, mark })
    }

    /// Seals `plain`, for this name only.
    pub(super) fn seal(&self, name: &str, plain: &mut Vec<u8>, dice: &Dice) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        dice.fill(&mut nonce);
        let bound = Aad::from(self.bound(name));
        // The text becomes the sealed text where it lies; what is wiped afterwards is the sealed one.
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, plain)?;
        Ok([&MAGIC[..], &self.mark, &nonce, plain].concat())
    }

    /// The text; `sealed` is of no use afterwards.
    pub(super) fn open(&self, name: &str, sealed: &mut [u8]) -> Result<Vec<u8>, Unsealed> {
        let (head, rest) = sealed.split_at_mut_checked(HEAD).ok_or(Unsealed::Damaged)?;
        let (magic, mark) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(Unsealed::Damaged);
        }
        if mark != self.mark {
            return Err(Unsealed::OtherKey);
        }
        let (nonce, text) = rest.split_at_mut_checked(NONCE_LEN).ok_or(Unsealed::Damaged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealed::Damaged)?;
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(self.bound(name)), text)
            .map_err(|_| Unsealed::Damaged)?;
        let opened = plain.to_vec();
        zeroize::Zeroize::zeroize(plain);
        Ok(opened)
    }

    /// What is not hidden, but must be the same when it is opened.
    fn bound(&self, name: &str) -> Vec<u8> {
        [&MAGIC[..], &self.mark, name.as_bytes()].concat()
    }
}

fn key(made: &Prk, owner: &str) -> Result<LessSafeKey, Unspecified> {
    let info = [b"key of ".as_slice(), owner.as_bytes()];
    let key = UnboundKey::from(made.expand(&info, &AES_256_GCM)?);
    Ok(LessSafeKey::new(key))
}
