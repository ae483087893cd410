//! Trusted proxies, and the address of the client behind them.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::request::forwarded;

/// The address of a client, behind any trusted proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress<'a> {
    /// Address of the client, or of the trusted proxy that sent an entry which could not be parsed.
    pub address: IpAddr,
    /// The entry of a trusted proxy that could not be parsed, where it ended the search.
    pub unparsed: Option<&'a str>,
}

/// The networks of `WEB_TRUSTED_PROXIES`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Proxies in these networks.
    #[must_use]
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether `address` is that of a trusted proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client: that of the socket, or where a trusted proxy sent the request, the last entry of `X-Forwarded-For` that is
    /// not a trusted proxy. Earlier entries can be forged.
    #[must_use]
    pub fn client<'a>(&self, socket: IpAddr, forwarded_for: &[&'a str]) -> ClientAddress<'a> {
        let mut client = ClientAddress {
            address: socket.to_canonical(),
            unparsed: None,
        };
        for hop in forwarded::members(forwarded_for).rev() {
            if !self.contains(client.address) {
                break;
            }
            let Some(address) = forwarded::address(hop) else {
                client.unparsed = Some(hop);
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
    fn header_of_untrusted_peer_is_ignored() {
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
    }

    #[test]
    fn last_address_that_is_not_a_trusted_proxy_is_used() {
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
    fn unparsed_entry_ends_the_search() {
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(
            client("10.0.0.1", &["198.51.100.1, x, 10.0.0.3"]),
            "10.0.0.3"
        );
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let unparsed =
            |socket: &str, lines| proxies.client(socket.parse().unwrap(), lines).unparsed;
        assert_eq!(
            unparsed("10.0.0.1", &["unknown, 10.0.0.3"]),
            Some("unknown")
        );
        assert_eq!(unparsed("10.0.0.1", &["unknown, 198.51.100.1"]), None);
        assert_eq!(unparsed("198.51.100.1", &["unknown"]), None);
    }
}
