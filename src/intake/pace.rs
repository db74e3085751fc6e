//! How fast: per address and per source.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::intake::limits::Rate;
use crate::runtime::Ticks;

/// Addresses remembered at once; the rest share one bucket until some are forgotten.
const MAX_ADDRESSES: usize = 65_536;

type Bucket = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>;
type Buckets = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, Ticks, NoOpMiddleware<Nanos>>;

/// Too fast; how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFast(pub Duration);

/// The pace of one source.
pub struct SourcePace(Option<(Bucket, Ticks)>);

impl SourcePace {
    /// Unlimited without a rate.
    pub fn new(rate: Option<Rate>, ticks: &Ticks) -> Self {
        Self(rate.map(|rate| {
            let bucket = RateLimiter::direct_with_clock(quota(rate), ticks.clone());
            (bucket, ticks.clone())
        }))
    }

    /// Takes one from the bucket.
    pub fn admit(&self) -> Result<(), TooFast> {
        let Some((bucket, ticks)) = &self.0 else {
            return Ok(());
        };
        bucket
            .check()
            .map_err(|not_yet| TooFast(not_yet.wait_time_from(Clock::now(ticks))))
    }
}

/// The pace of every address, in bounded memory.
pub struct AddressPace(Option<(Buckets, Ticks)>);

impl AddressPace {
    /// Unlimited without a rate.
    pub fn new(rate: Option<Rate>, ticks: &Ticks) -> Self {
        Self(rate.map(|rate| {
            let state = HashMapStateStore::default();
            (RateLimiter::new(quota(rate), state, ticks.clone()), ticks.clone())
        }))
    }

    /// Takes one from the bucket of `address`.
    pub fn admit(&self, address: IpAddr) -> Result<(), TooFast> {
        let Some((buckets, ticks)) = &self.0 else {
            return Ok(());
        };
        let mut key = household(address);
        if buckets.len() >= MAX_ADDRESSES {
            buckets.retain_recent();
            if buckets.len() >= MAX_ADDRESSES {
                key = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        buckets
            .check_key(&key)
            .map_err(|not_yet| TooFast(not_yet.wait_time_from(Clock::now(ticks))))
    }
}

/// Who counts as one: an IPv4 address, or an IPv6 network of 64 bits.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn quota(rate: Rate) -> Quota {
    Quota::per_second(rate.per_second).allow_burst(rate.burst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::num::NonZeroU32;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    #[test]
    fn a_burst_passes_then_one_per_interval() {
        let (ticks, crank) = Ticks::by_hand();
        let pace = SourcePace::new(Some(rate(2, 3)), &ticks);
        for _ in 0..3 {
            assert_eq!(pace.admit(), Ok(()));
        }
        let TooFast(wait) = pace.admit().unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        crank.advance(wait);
        assert_eq!(pace.admit(), Ok(()));
        assert!(pace.admit().is_err());
    }

    #[test]
    fn one_address_does_not_slow_another_but_its_own_network_does() {
        let (ticks, _crank) = Ticks::by_hand();
        let pace = AddressPace::new(Some(rate(1, 1)), &ticks);
        let hasty: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!(pace.admit(hasty), Ok(()));
        assert!(pace.admit(hasty).is_err());
        assert!(pace.admit("::ffff:192.0.2.1".parse().unwrap()).is_err());
        assert_eq!(pace.admit("192.0.2.2".parse().unwrap()), Ok(()));
        assert_eq!(pace.admit("2001:db8:0:1::1".parse().unwrap()), Ok(()));
        assert!(pace.admit("2001:db8:0:1::2".parse().unwrap()).is_err());
        assert_eq!(pace.admit("2001:db8:0:2::1".parse().unwrap()), Ok(()));
    }

    #[test]
    fn a_crowd_of_addresses_fills_no_memory_and_is_forgotten() {
        let (ticks, crank) = Ticks::by_hand();
        let pace = AddressPace::new(Some(rate(1, 1)), &ticks);
        let crowd = u32::try_from(MAX_ADDRESSES).unwrap();
        for number in 1..=crowd {
            assert_eq!(pace.admit(IpAddr::V4(Ipv4Addr::from_bits(number))), Ok(()));
        }
        let late: IpAddr = "203.0.113.9".parse().unwrap();
        let later: IpAddr = "203.0.113.10".parse().unwrap();
        assert_eq!(pace.admit(late), Ok(()));
        assert!(
            pace.admit(later).is_err(),
            "they share one bucket while the table is full"
        );
        crank.advance(Duration::from_secs(3));
        assert_eq!(pace.admit(late), Ok(()));
        assert_eq!(pace.admit(later), Ok(()));
    }
}
