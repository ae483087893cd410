//! Whether a host is this machine.

use std::net::IpAddr;

/// Whether a host is this machine by its name: `localhost`, or a loopback address, IPv6 with or without brackets.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_and_localhost_are_this_machine() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["redis", "192.0.2.1", "2001:db8::1", "localhost.example", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
