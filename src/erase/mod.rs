//! What is kept goes again: a person who is to be forgotten, found in whatever spelling; and what is old.

mod retention;

use std::sync::Arc;

use connector_kit::Lead;
use connector_kit::ids::AccountName;

pub use retention::RetentionWorker;

use crate::dedupe;
use crate::normalize::{email, mentions};
use crate::settle::Reader;
use crate::store::{Arrival, Identity, Seeker, Whose};

/// Seeks the person who has an address.
pub struct ByAddress {
    address: String,
    accounts: Vec<AccountName>,
    reader: Reader,
}

impl ByAddress {
    /// None when the text is not exactly one address. `accounts` are the publishers the person may be
    /// known to; `reader` understands arrivals as the daemon does.
    pub fn new(text: &str, accounts: Vec<AccountName>, reader: Reader) -> Option<Self> {
        Some(Self {
            address: email::normalize(text)?,
            accounts,
            reader,
        })
    }

    fn is_wanted(&self, address: &str) -> bool {
        address == self.address
    }
}

impl Seeker for ByAddress {
    fn identities(&self) -> Vec<Identity> {
        let accounts = self.accounts.iter();
        accounts
            .filter_map(|account| dedupe::address_identity(account, &self.address))
            .collect()
    }

    fn is_theirs(&self, lead: &Lead) -> bool {
        has_address(&lead.person, &|address| self.is_wanted(address))
    }

    fn whose(&self, arrival: &Arrival) -> Whose {
        match (self.reader)(arrival) {
            Err(_) => Whose::Nobodys,
            Ok(read) if has_address(&read.person, &|address| self.is_wanted(address)) => Whose::Theirs,
            Ok(_) => Whose::Others,
        }
    }

    fn mentions(&self, _: &AccountName, bytes: &[u8]) -> bool {
        mentions::mentions(bytes, &|address| self.is_wanted(address))
    }

    fn redact(&self, _: &AccountName, text: &str) -> Option<String> {
        mentions::redact(text, &|address| self.is_wanted(address))
    }
}

/// Seeks those who are on a list of which only hashes are known.
pub struct ByList {
    /// Whether somebody known under this identity is on the list.
    pub is_listed: Arc<dyn Fn(Identity) -> bool + Send + Sync>,
    /// Understands arrivals.
    pub reader: Reader,
}

impl ByList {
    fn is_wanted(&self, account: &AccountName, address: &str) -> bool {
        dedupe::address_identity(account, address).is_some_and(|identity| (self.is_listed)(identity))
    }
}

impl Seeker for ByList {
    fn identities(&self) -> Vec<Identity> {
        Vec::new()
    }

    fn is_theirs(&self, lead: &Lead) -> bool {
        has_address(&lead.person, &|address| self.is_wanted(&lead.account, address))
    }

    fn whose(&self, arrival: &Arrival) -> Whose {
        match (self.reader)(arrival) {
            Err(_) => Whose::Nobodys,
            Ok(read)
                if read
                    .identity_keys
                    .iter()
                    .any(|identity| (self.is_listed)(*identity)) =>
            {
                Whose::Theirs
            }
            Ok(_) => Whose::Others,
        }
    }

    fn mentions(&self, account: &AccountName, bytes: &[u8]) -> bool {
        mentions::mentions(bytes, &|address| self.is_wanted(account, address))
    }

    fn redact(&self, account: &AccountName, text: &str) -> Option<String> {
        mentions::redact(text, &|address| self.is_wanted(account, address))
    }
}

fn has_address(person: &connector_kit::lead::Person, wanted: &dyn Fn(&str) -> bool) -> bool {
    let said = person.email.as_ref();
    said.is_some_and(|said| {
        wanted(&said.value) || email::normalize(&said.value).is_some_and(|text| wanted(&text))
    })
}

#[cfg(test)]
mod tests;
