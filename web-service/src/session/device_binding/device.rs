//! The device that a session is bound to.

use std::net::{IpAddr, Ipv4Addr};

use holdfast_client::ClientInfo;
use ipnet::IpNet;
use time::OffsetDateTime;

/// A public key on P-256: the coordinates x and y (RFC 7518 §6.2.1), 32 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceKey(pub [u8; 64]);

/// A device, as it was when the session was bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Key whose private part only the device has.
    pub key: DeviceKey,
    /// Time of the binding.
    pub bound_at: OffsetDateTime,
    /// Address from which it was registered; unspecified if unknown.
    pub ip_address: IpAddr,
    /// `User-Agent` with which it was registered; empty if it sent none.
    pub user_agent: String,
    /// Whether a request came with its proof cookie. Until then the binding is not enforced, as the response that contained the cookie
    /// may have been lost.
    pub is_confirmed: bool,
}

/// How much the source of a request resembles the bound device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceSimilarity {
    /// Same network and same `User-Agent`.
    Same,
    /// Another network or another `User-Agent`: devices travel, and browsers are updated.
    Changed,
    /// Another network and another `User-Agent`.
    Another,
}

impl Device {
    /// The device of `client`, which has just proved that it has `key`.
    #[must_use]
    pub fn new(key: DeviceKey, bound_at: OffsetDateTime, client: &ClientInfo) -> Self {
        Self {
            key,
            bound_at,
            ip_address: address_of(client),
            user_agent: client.user_agent.clone().unwrap_or_default(),
            is_confirmed: false,
        }
    }

    /// How much `client` resembles this device. An unknown address resembles every other.
    #[must_use]
    pub fn similarity(&self, client: &ClientInfo) -> DeviceSimilarity {
        let address = address_of(client);
        let is_known = !address.is_unspecified() && !self.ip_address.is_unspecified();
        let has_moved = is_known && network(address) != network(self.ip_address);
        let user_agent = client.user_agent.as_deref().unwrap_or_default();
        match (has_moved, user_agent != self.user_agent) {
            (false, false) => DeviceSimilarity::Same,
            (true, true) => DeviceSimilarity::Another,
            (true, false) | (false, true) => DeviceSimilarity::Changed,
        }
    }
}

fn address_of(client: &ClientInfo) -> IpAddr {
    client.ip_address.unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

/// The largest network that a provider usually assigns to one customer: an IPv4 /24 or an IPv6 /48.
fn network(address: IpAddr) -> Option<IpNet> {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).ok().map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    use holdfast_client::ClientKind;

    use super::*;

    fn client(ip_address: &str, user_agent: &str) -> ClientInfo {
        ClientInfo {
            kind: ClientKind::Browser,
            ip_address: ip_address.parse().ok(),
            user_agent: Some(user_agent.into()),
            device: None,
        }
    }

    #[test]
    fn device_in_another_network_with_another_user_agent_is_another() {
        let device = |address: &str| Device {
            key: DeviceKey([1; 64]),
            bound_at: OffsetDateTime::UNIX_EPOCH,
            ip_address: address.parse().unwrap(),
            user_agent: "Chrome".into(),
            is_confirmed: true,
        };
        let cases = [
            ("192.0.2.1", "192.0.2.200", "Chrome", DeviceSimilarity::Same),
            (
                "192.0.2.1",
                "::ffff:192.0.2.9",
                "Chrome",
                DeviceSimilarity::Same,
            ),
            (
                "192.0.2.1",
                "192.0.3.1",
                "Chrome",
                DeviceSimilarity::Changed,
            ),
            ("192.0.2.1", "192.0.2.1", "curl", DeviceSimilarity::Changed),
            (
                "192.0.2.1",
                "2001:db8::1",
                "Chrome",
                DeviceSimilarity::Changed,
            ),
            (
                "2001:db8:1::1",
                "2001:db8:1:ffff::1",
                "Chrome",
                DeviceSimilarity::Same,
            ),
            (
                "2001:db8:1::1",
                "2001:db8:2::1",
                "curl",
                DeviceSimilarity::Another,
            ),
            ("192.0.2.1", "0.0.0.0", "Chrome", DeviceSimilarity::Same),
            ("192.0.2.1", "0.0.0.0", "curl", DeviceSimilarity::Changed),
        ];
        for (bound, seen, name, expected) in cases {
            let similarity = device(bound).similarity(&client(seen, name));
            assert_eq!(similarity, expected, "{bound} {seen} {name}");
        }
    }
}
