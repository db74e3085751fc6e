//! Networks and the addresses nobody outside may send us to (contract https-endpoint 7).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses, such as `10.20.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// The text is not an address and a prefix length.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not a network such as 10.20.0.0/16 or fd12::/32, nor an address")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        if let Ok(base) = text.parse::<IpAddr>() {
            let prefix = if base.is_ipv4() { 32 } else { 128 };
            return Ok(Self { base, prefix });
        }
        let (base, prefix) = text.split_once('/').ok_or(InvalidNetwork)?;
        let base: IpAddr = base.parse().map_err(|_| InvalidNetwork)?;
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidNetwork);
        }
        let prefix: u8 = prefix.parse().map_err(|_| InvalidNetwork)?;
        let network = Self { base, prefix };
        let widest = if base.is_ipv4() { 32 } else { 128 };
        // A base with bits beyond the prefix is a slip of the pen: 10.20.30.40/8 means what?
        if prefix > widest || !network.base_is_exact() {
            return Err(InvalidNetwork);
        }
        Ok(network)
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, InvalidNetwork> {
        text.parse()
    }
}

impl Network {
    const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Self {
        Self {
            base: IpAddr::V4(Ipv4Addr::new(a, b, c, 0)),
            prefix,
        }
    }

    const fn v6(a: u16, b: u16, prefix: u8) -> Self {
        Self {
            base: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)),
            prefix,
        }
    }

    /// Whether `address` lies in this block. A mapped IPv4 address is an IPv6 address here.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                high_bits(base.to_bits().into(), 32, self.prefix)
                    == high_bits(address.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                high_bits(base.to_bits(), 128, self.prefix) == high_bits(address.to_bits(), 128, self.prefix)
            }
            _ => false,
        }
    }

    /// Whether every address of this block is a loopback address.
    fn is_loopback(&self) -> bool {
        match self.base {
            IpAddr::V4(base) => base.is_loopback() && self.prefix >= 8,
            IpAddr::V6(base) => base.is_loopback() && self.prefix == 128,
        }
    }

    fn base_is_exact(&self) -> bool {
        match self.base {
            IpAddr::V4(base) => u32::from(self.prefix) + base.to_bits().trailing_zeros() >= 32,
            IpAddr::V6(base) => u32::from(self.prefix) + base.to_bits().trailing_zeros() >= 128,
        }
    }
}

fn high_bits(bits: u128, width: u8, prefix: u8) -> u128 {
    let rest = u32::from(width - prefix.min(width));
    bits.checked_shr(rest).unwrap_or(0)
}

/// IPv4 blocks that are not the public internet.
const FORBIDDEN_V4: [Network; 18] = [
    Network::v4(0, 0, 0, 8),
    Network::v4(10, 0, 0, 8),
    Network::v4(100, 64, 0, 10),
    Network::v4(127, 0, 0, 8),
    Network::v4(169, 254, 0, 16),
    Network::v4(172, 16, 0, 12),
    Network::v4(192, 0, 0, 24),
    Network::v4(192, 0, 2, 24),
    Network::v4(192, 31, 196, 24),
    Network::v4(192, 52, 193, 24),
    Network::v4(192, 88, 99, 24),
    Network::v4(192, 168, 0, 16),
    Network::v4(192, 175, 48, 24),
    Network::v4(198, 18, 0, 15),
    Network::v4(198, 51, 100, 24),
    Network::v4(203, 0, 113, 24),
    Network::v4(224, 0, 0, 4),
    Network::v4(240, 0, 0, 4),
];

/// The Azure platform service: publicly routable space, and still nobody's webhook.
const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// The instance metadata service of another cloud, in unique-local space.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);

/// All of IPv6 that is the public internet ...
const GLOBAL_V6: Network = Network::v6(0x2000, 0, 3);
/// ... less the parts of it that are not.
const FORBIDDEN_V6: [Network; 4] = [
    Network::v6(0x2001, 0, 23),
    Network::v6(0x2001, 0x0db8, 32),
    Network::v6(0x2002, 0, 16),
    Network::v6(0x3fff, 0, 20),
];
/// The well-known prefix behind which a NAT64 hides IPv4.
const NAT64: Network = Network::v6(0x0064, 0xff9b, 96);

/// Whether an address may be connected to, given the private networks the operator named.
pub fn is_allowed(address: IpAddr, named: &[Network]) -> bool {
    is_public(address) || is_named(address, named)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4 != AZURE_PLATFORM && !FORBIDDEN_V4.iter().any(|n| n.contains(address)),
        IpAddr::V6(_) => GLOBAL_V6.contains(address) && !FORBIDDEN_V6.iter().any(|n| n.contains(address)),
    }
}

fn is_named(address: IpAddr, named: &[Network]) -> bool {
    if is_never_a_receiver(address) {
        return false;
    }
    let mut naming = named.iter().filter(|n| n.contains(address));
    if let IpAddr::V6(v6) = address
        && NAT64.contains(address)
    {
        let [.., a, b, c, d] = v6.octets();
        return naming.next().is_some() && is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
    }
    // Loopback is for tests and demos: `0.0.0.0/0` does not name it, `127.0.0.0/8` does.
    naming.any(|n| !address.is_loopback() || n.is_loopback())
}

/// Addresses no list can open: unspecified, link-local, multicast, reserved, metadata services.
fn is_never_a_receiver(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            first == 0 || first >= 224 || v4.is_link_local() || v4 == AZURE_PLATFORM
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some()
                || v6 == METADATA_V6
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str, named: &[&str]) -> bool {
        let named: Vec<Network> = named.iter().map(|n| n.parse().unwrap()).collect();
        is_allowed(address.parse().unwrap(), &named)
    }

    #[test]
    fn public_addresses_are_allowed_up_to_the_edge_of_each_forbidden_block() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "223.255.255.255",
            "168.63.129.15",
            "168.63.129.17",
            "2001:200::1",
            "2606:4700::1111",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "3fff:1000::1",
            "2a00::1",
        ] {
            assert!(allowed(address, &[]), "{address}");
        }
    }

    #[test]
    fn every_forbidden_block_is_forbidden_at_both_of_its_ends() {
        for address in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.255",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "192.175.48.1",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "1fff::1",
        ] {
            assert!(!allowed(address, &[]), "{address}");
        }
    }

    #[test]
    fn a_named_network_opens_itself_and_nothing_else() {
        assert!(allowed("10.20.3.4", &["10.20.0.0/16"]));
        assert!(!allowed("10.21.0.0", &["10.20.0.0/16"]));
        assert!(allowed("fd12::5", &["fd12::/32"]));
        assert!(!allowed("fd13::5", &["fd12::/32"]));
    }

    #[test]
    fn loopback_opens_only_by_its_own_name_and_metadata_never() {
        assert!(allowed("127.0.0.1", &["127.0.0.0/8"]));
        assert!(allowed("::1", &["::1/128"]));
        assert!(!allowed("127.0.0.1", &["0.0.0.0/0"]));
        assert!(!allowed("::1", &["::/0"]));
        for never in [
            "169.254.169.254",
            "168.63.129.16",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!allowed(never, &["0.0.0.0/0"]), "{never}");
        }
        for never in ["fe80::1", "fd00:ec2::254", "::", "ff02::1", "::ffff:10.0.0.1"] {
            assert!(!allowed(never, &["::/0"]), "{never}");
        }
    }

    #[test]
    fn a_nat64_network_may_be_named_but_its_inner_address_is_still_checked() {
        assert!(allowed("64:ff9b::8.8.8.8", &["64:ff9b::/96"]));
        assert!(!allowed("64:ff9b::10.0.0.1", &["64:ff9b::/96"]));
        assert!(!allowed("64:ff9b::169.254.169.254", &["64:ff9b::/96"]));
    }

    #[test]
    fn a_network_is_an_exact_base_and_a_prefix_or_one_address() {
        assert!(allowed("10.1.2.3", &["10.1.2.3"]) && !allowed("10.1.2.4", &["10.1.2.3"]));
        assert!(allowed("fd12::5", &["fd12::5"]) && !allowed("fd12::6", &["fd12::5"]));
        for wrong in [
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "ten/8",
            "::1/127",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
