//! The addresses that requests may be sent to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses requests may be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Public unicast addresses.
    Public,
    /// Those of private networks and of this machine, too.
    PublicAndPrivate,
}

/// What an address belongs to (IANA IPv4 and IPv6 Special-Purpose Address Registries).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    /// The Internet.
    Public,
    /// A private network, or this machine.
    Private,
    /// The metadata service of a cloud, the link, a group, or nothing: no request is sent there.
    Forbidden,
}

/// Metadata and platform services of clouds that are not at link-local addresses: Alibaba Cloud, Azure, and over IPv6 AWS and Google Cloud.
/// That of Oracle Cloud is in `192.0.0.0/24`.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

impl AddressPolicy {
    /// Whether a request may be sent to this address.
    #[must_use]
    pub fn permits(self, address: IpAddr) -> bool {
        match Network::of(address) {
            Network::Public => true,
            Network::Private => self == Self::PublicAndPrivate,
            Network::Forbidden => false,
        }
    }
}

impl Network {
    fn of(address: IpAddr) -> Self {
        // An IPv4 address in the form of IPv6 is that IPv4 address.
        let address = address.to_canonical();
        if METADATA.contains(&address) {
            return Self::Forbidden;
        }
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            // RFC 1918, loopback, RFC 6598, and RFC 2544.
            [10 | 127, ..]
            | [100, 64..=127, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [198, 18..=19, ..] => Self::Private,
            // This network, the link, protocol assignments, documentation, relays of 6to4, multicast, reserved and broadcast.
            [0 | 224..=255, ..]
            | [169, 254, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 51, 100, _]
            | [203, 0, 113, _] => Self::Forbidden,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] => Self::Private,
            // A gateway sends it to the IPv4 address that it contains: NAT64 (RFC 6052) and 6to4 (RFC 3056).
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
                Self::of(embedded(high, low).into())
            }
            // Protocol assignments, Teredo among them, and documentation.
            [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Self::Forbidden,
            // Global unicast; the rest is not assigned, or for the link, the site or groups.
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Forbidden,
        }
    }
}

/// The IPv4 address of these 32 bits of an IPv6 address.
fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_networks(expected: Network, addresses: &[&str]) {
        for address in addresses {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(Network::of(parsed), expected, "{address}");
            let is_permitted = (
                AddressPolicy::Public.permits(parsed),
                AddressPolicy::PublicAndPrivate.permits(parsed),
            );
            let expected = match expected {
                Network::Public => (true, true),
                Network::Private => (false, true),
                Network::Forbidden => (false, false),
            };
            assert_eq!(is_permitted, expected, "{address}");
        }
    }

    #[test]
    fn public_addresses_are_permitted() {
        assert_networks(
            Network::Public,
            &[
                "1.1.1.1",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "169.253.255.255",
                "172.15.255.255",
                "172.32.0.0",
                "192.0.1.1",
                "192.167.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "2600::1",
                "2a00:1450:4001::1",
                "::ffff:1.1.1.1",
                "64:ff9b::1.1.1.1",
                "2002:101:101::1",
            ],
        );
    }

    #[test]
    fn private_addresses_are_permitted_by_policy_in_every_form() {
        assert_networks(
            Network::Private,
            &[
                "127.0.0.1",
                "127.255.255.255",
                "10.0.0.1",
                "100.64.0.0",
                "100.127.255.255",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.0.1",
                "198.18.0.1",
                "::1",
                "::ffff:127.0.0.1",
                "::ffff:10.1.2.3",
                "::ffff:c0a8:1",
                "64:ff9b::10.0.0.1",
                "64:ff9b::7f00:1",
                "2002:a00:1::",
                "2002:7f00:1::1",
                "2002:c0a8:101::1",
                "fc00::1",
                "fd12:3456::1",
                "fdff:ffff::1",
            ],
        );
    }

    #[test]
    fn no_policy_permits_metadata_link_groups_or_reserved_addresses() {
        assert_networks(
            Network::Forbidden,
            &[
                "0.0.0.0",
                "0.1.2.3",
                "169.254.169.254",
                "169.254.0.1",
                "100.100.100.200",
                "168.63.129.16",
                "192.0.0.192",
                "192.0.2.1",
                "192.88.99.1",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.255.255.250",
                "240.0.0.1",
                "255.255.255.255",
                "::",
                "::7f00:1",
                "::ffff:0.0.0.0",
                "::ffff:169.254.169.254",
                "::ffff:a9fe:a9fe",
                "::ffff:0:127.0.0.1",
                "64:ff9b::169.254.169.254",
                "64:ff9b::0.0.0.0",
                "64:ff9b:1::1",
                "2002:a9fe:a9fe::",
                "2002:6464:64c8::",
                "fd00:ec2::254",
                "fd20:ce::254",
                "fe80::1",
                "febf::1",
                "fec0::1",
                "ff02::1",
                "100::1",
                "2001::1",
                "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                "2001:db8::1",
                "3fff::1",
                "4000::1",
                "5f00::1",
            ],
        );
    }
}
