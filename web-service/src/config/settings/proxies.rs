//! Networks of reverse proxies.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// The minimum prefix lengths: those of the largest private networks, 10.0.0.0/8 and `fc00::/7`.
const MIN_PREFIX_V4: u8 = 8;
const MIN_PREFIX_V6: u8 = 7;

/// Prefix length of IPv4-mapped IPv6 addresses, `::ffff:0:0/96` (RFC 4291 §2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// Parses an address or a network. An IPv4-mapped network becomes its IPv4 network, with which addresses of clients are compared.
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
    let min_prefix = match network {
        IpNet::V4(_) => MIN_PREFIX_V4,
        IpNet::V6(_) => MIN_PREFIX_V6,
    };
    if network.prefix_len() < min_prefix {
        return Err(format!(
            "{text:?}: would trust the headers of every client; give only the networks of the proxies, such as 172.16.0.0/12"
        ));
    }
    Ok(network)
}

fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let length = mapped.prefix_len().checked_sub(MAPPED_PREFIX);
    match address
        .zip(length)
        .map(|(address, length)| Ipv4Net::new(address, length))
    {
        Some(Ok(network)) => network.into(),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_larger_than_a_private_one_is_rejected() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("fc00::/7", "fc00::/7"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ] {
            assert_eq!(network(text), Ok(expected.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0/0",
            "128.0.0.0/1",
            "10.0.0.0/7",
            "::/0",
            "2000::/3",
            "::ffff:0.0.0.0/96",
        ] {
            assert!(
                network(text).unwrap_err().contains("every client"),
                "{text}"
            );
        }
        for text in ["", "all", "10.0.0.0/33", "10.0.0", "*", "id.example"] {
            assert!(
                network(text).unwrap_err().contains("such as 10.0.0.0/8"),
                "{text}"
            );
        }
    }
}
