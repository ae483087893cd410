//! Networks of reverse proxies.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// The shortest prefix of a network that an installation can call its own: the largest private ones are 10.0.0.0/8 and `fc00::/7`.
const SHORTEST_V4: u8 = 8;
const SHORTEST_V6: u8 = 7;

/// IPv4 as addresses of IPv6, `::ffff:0:0/96` (RFC 4291 §2.5.5.2).
const MAPPED: u8 = 96;

/// Parses an address or a network. One that is written as IPv4 in IPv6 is meant as IPv4, as which the addresses of clients are seen.
///
/// # Errors
/// In words, with an example.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse().map(|address: IpAddr| IpNet::from(address));
    let network = text.parse().or(address);
    let network = network.map_err(|_| {
        format!("{text:?}: must be a network or an address, such as 10.0.0.0/8 or 192.0.2.1")
    })?;
    let network = unmapped(network);
    let shortest = match network {
        IpNet::V4(_) => SHORTEST_V4,
        IpNet::V6(_) => SHORTEST_V6,
    };
    if network.prefix_len() < shortest {
        return Err(format!(
            "{text:?}: would take everybody's word about where a request came from; give the networks of the proxies alone, such as 172.16.0.0/12"
        ));
    }
    Ok(network)
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else {
        return network;
    };
    let four = six.addr().to_ipv4_mapped();
    let length = six.prefix_len().checked_sub(MAPPED);
    match four
        .zip(length)
        .map(|(address, length)| Ipv4Net::new(address, length))
    {
        Some(Ok(four)) => four.into(),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_somebodys_and_not_everybodys() {
        for (text, meant) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("fc00::/7", "fc00::/7"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ] {
            assert_eq!(network(text), Ok(meant.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0/0",
            "128.0.0.0/1",
            "10.0.0.0/7",
            "::/0",
            "2000::/3",
            "::ffff:0.0.0.0/96",
        ] {
            assert!(network(text).unwrap_err().contains("everybody"), "{text}");
        }
        for text in ["", "everybody", "10.0.0.0/33", "10.0.0", "*", "id.example"] {
            assert!(
                network(text).unwrap_err().contains("such as 10.0.0.0/8"),
                "{text}"
            );
        }
    }
}
