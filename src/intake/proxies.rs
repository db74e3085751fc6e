//! On whose behalf a request comes, told by proxies we trust and by nobody else.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;

/// A network: an address and the number of its leading bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    base: u128,
    prefix: u32,
    v4: bool,
}

/// The text is not `address/prefix`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address or a network such as 10.0.0.0/8")]
pub struct InvalidCidr(pub String);

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let invalid = || InvalidCidr(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| invalid())?;
        let (base, width) = bits(address);
        let prefix: u32 = match prefix {
            Some(prefix) => prefix.trim().parse().map_err(|_| invalid())?,
            None => width,
        };
        if prefix > width {
            return Err(invalid());
        }
        Ok(Self {
            base,
            prefix,
            v4: width == 32,
        })
    }
}

impl Cidr {
    /// True when the address lies within.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (bits, width) = bits(address.to_canonical());
        let shift = width - self.prefix.min(width);
        let same_family = self.v4 == (width == 32);
        same_family && shr(bits, shift) == shr(self.base, shift)
    }
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn shr(bits: u128, by: u32) -> u128 {
    bits.checked_shr(by).unwrap_or(0)
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Cidr>);

impl Proxies {
    /// Believes these networks.
    pub fn new(networks: Vec<Cidr>) -> Self {
        Self(networks)
    }

    /// Who sent the request: the connection's peer, or, when that is a proxy we trust, the last
    /// address in `X-Forwarded-For` that is not one.
    pub fn sender(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.0.is_empty() || !self.trusts(peer) {
            return peer;
        }
        let mut sender = peer;
        for line in headers.get_all("x-forwarded-for").iter().rev() {
            let Ok(line) = line.to_str() else {
                return sender;
            };
            for part in line.rsplit(',') {
                let Some(address) = forwarded(part) else {
                    return sender;
                };
                sender = address;
                if !self.trusts(sender) {
                    return sender;
                }
            }
        }
        sender
    }

    /// True when the address is such a proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn forwarded(part: &str) -> Option<IpAddr> {
    let part = part.trim();
    if let Some(rest) = part.strip_prefix('[') {
        return rest.split(']').next()?.parse().ok();
    }
    part.parse()
        .ok()
        .or_else(|| part.rsplit_once(':')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies::new(networks.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn sender(trusted: &[&str], peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
        }
        proxies(trusted)
            .sender(peer.parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let table: [(&[&str], &str, &[&'static str], &str); 10] = [
            (&[], "10.0.0.1", &["192.0.2.7"], "10.0.0.1"),
            (&["10.0.0.0/8"], "11.0.0.1", &["192.0.2.7"], "11.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            (&["10.0.0.0/8"], "::ffff:10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            // What the sender wrote itself stands on the left.
            (&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
            (
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["1.1.1.1", "192.0.2.7"],
                "192.0.2.7",
            ),
            (&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.7, 10.2.2.2"], "192.0.2.7"),
            (&["10.0.0.0/8"], "10.0.0.1", &["nonsense"], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.7:5123"], "192.0.2.7"),
            (&["10.0.0.1"], "10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
        ];
        for (trusted, peer, forwarded, expected) in table {
            assert_eq!(sender(trusted, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn networks_are_read_and_nonsense_is_refused() {
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.1".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
        let net: Cidr = "2001:db8::/33".parse().unwrap();
        assert!(net.contains("2001:db8:7fff::1".parse().unwrap()));
        assert!(!net.contains("2001:db8:8000::1".parse().unwrap()));
        for nonsense in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "a/8"] {
            assert!(nonsense.parse::<Cidr>().is_err(), "{nonsense}");
        }
    }
}
