//! Parsing of addresses to listen on.

use std::net::{Ipv4Addr, SocketAddr};

const FORM: &str = "must be an IP address and a port, such as 127.0.0.1:50051, or 0.0.0.0:50051 for all addresses of this machine";

/// Parses an IP address with a port. `localhost` is 127.0.0.1; no other name is resolved. A port without an address is rejected, as
/// it leaves open whether other machines may connect.
///
/// # Errors
/// In words, with an example.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    let at_localhost = || {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let is_localhost = host.eq_ignore_ascii_case("localhost");
        is_localhost.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    let address = text.parse().ok().or_else(at_localhost);
    address.ok_or_else(|| format!("{text:?}: {FORM}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_requires_an_ip_address_or_localhost_and_a_port() {
        for (text, address) in [
            ("127.0.0.1:50051", "127.0.0.1:50051"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:50051", "[::1]:50051"),
            ("localhost:50051", "127.0.0.1:50051"),
            ("LocalHost:0", "127.0.0.1:0"),
        ] {
            assert_eq!(parse(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            ":50051",
            "50051",
            "*:50051",
            "127.0.0.1",
            "localhost",
            "localhost:",
            "localhost:65536",
            "::1:50051",
            "id.example:50051",
            "http://127.0.0.1:50051",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("such as 127.0.0.1:50051"), "{error}");
        }
    }
}
