//! On whose behalf a request comes, told by proxies we trust and by nobody else.

use std::net::IpAddr;

use connector_kit::http::Network;
use http::HeaderMap;

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Believes these networks.
    pub fn new(networks: Vec<Network>) -> Self {
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
        let address = address.to_canonical();
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
}
