//! How many connections there may be, in all and from one address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::intake::pace::household;

/// Counts connections by address.
#[derive(Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    per_address: usize,
}

/// One connection's place; given back when dropped.
#[must_use = "the place is free again as soon as this is dropped"]
pub(crate) struct Seat {
    taken: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Seats {
    pub(crate) fn new(per_address: usize) -> Self {
        Self {
            taken: Arc::default(),
            per_address,
        }
    }

    /// A place for one more connection of `address`; none when it holds its share.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Seat> {
        let address = household(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Seat {
            taken: Arc::clone(&self.taken),
            address,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let seats = Seats::new(2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        let first = seats.take(one).unwrap();
        let _second = seats.take(one).unwrap();
        assert!(seats.take(one).is_none());
        assert!(seats.take(other).is_some());
        drop(first);
        assert!(seats.take(one).is_some());
        assert_eq!(seats.taken.lock().unwrap().len(), 1, "who left is not remembered");
    }
}
