//! Client networks: the addresses that count as one source in every limit by address.

use std::net::{IpAddr, Ipv6Addr};

/// Length of the IPv6 prefix that a subscriber is assigned, in bits.
const IPV6_PREFIX: u32 = 64;

/// One IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    /// Returns the prefix of all of its addresses: 4 bytes for IPv4, 8 for IPv6.
    #[must_use]
    pub fn prefix(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
        }
    }
}

impl From<IpAddr> for ClientNetwork {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let mask = u128::MAX << (Ipv6Addr::BITS - IPV6_PREFIX);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> ClientNetwork {
        ClientNetwork::from(address.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn ipv4_address_is_a_network_of_its_own_in_either_spelling() {
        assert_eq!(network("192.0.2.1"), network("::ffff:192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("192.0.2.1").prefix(), [192, 0, 2, 1]);
    }

    #[test]
    fn ipv6_addresses_of_one_64_are_one_network() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(
            network("2001:db8::1").prefix(),
            [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0]
        );
    }
}
