//! Whose word counts about where a request came from.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::request::forwarded;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress<'a> {
    /// The client's address, or that of the last trusted proxy before what could not be read.
    pub address: IpAddr,
    /// What a trusted proxy wrote in place of an address, where that ended the search.
    pub unread: Option<&'a str>,
}

/// The networks of the reverse proxies in front of this service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Takes their networks.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is the address of one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the socket's, or, where a trusted proxy sent the request, the last one in `X-Forwarded-For` that
    /// is not a trusted proxy's. What stands before that, anybody can have written.
    #[must_use]
    pub fn client<'a>(&self, socket: IpAddr, forwarded_for: &[&'a str]) -> ClientAddress<'a> {
        let mut client = ClientAddress {
            address: socket.to_canonical(),
            unread: None,
        };
        for hop in forwarded::members(forwarded_for).rev() {
            if !self.contains(client.address) {
                break;
            }
            let Some(address) = forwarded::address(hop) else {
                client.unread = Some(hop);
                break;
            };
            client.address = address.to_canonical();
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(socket: &str, forwarded_for: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(networks.into());
        let socket = socket.parse().unwrap();
        proxies.client(socket, forwarded_for).address.to_string()
    }

    #[test]
    fn a_strangers_word_does_not_count() {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
    }

    #[test]
    fn the_last_address_that_is_no_proxys_counts() {
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["203.0.113.9", "198.51.100.1:4711"]),
            "198.51.100.1"
        );
        assert_eq!(client("fd00::1", &["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(
            client("10.0.0.1", &["\"[2001:db8::1]\" , ,10.0.0.2:80,"]),
            "2001:db8::1"
        );
    }

    #[test]
    fn what_cannot_be_read_ends_the_search() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(
            client("10.0.0.1", &["198.51.100.1, x, 10.0.0.3"]),
            "10.0.0.3"
        );
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let unread = |socket: &str, lines| proxies.client(socket.parse().unwrap(), lines).unread;
        assert_eq!(unread("10.0.0.1", &["unknown, 10.0.0.3"]), Some("unknown"));
        assert_eq!(unread("10.0.0.1", &["unknown, 198.51.100.1"]), None);
        assert_eq!(unread("198.51.100.1", &["unknown"]), None);
    }
}
