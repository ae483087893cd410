//! What a proxy in front of the service sends, by a probe through the public URL.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::StatusCode;
use holdfast_server_kit::doctor::{Check, Finding};

use crate::{
    doctor::https::Answer,
    request::{forwarded, probe::Arrival},
};

pub(super) static PROXIES: Check = Check {
    id: "public_url.proxies",
    why: "Rate limits and the audit trail use the client's address, which a proxy sends in X-Forwarded-For; an entry that the client has sent itself must not count",
};

/// The entry that the probe forges (RFC 5737).
pub(super) const FORGED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

const TRUST: &str = "set WEB_TRUSTED_PROXIES to the networks of the proxies, and let each of them append the address of its client to X-Forwarded-For";

const APPEND: &str = "let the proxy append the address of its client to X-Forwarded-For";

/// Assesses the response to a probe. `is_behind_proxy`: the public URL presents another certificate than this service, or this service
/// serves no TLS.
pub(super) fn assess(answer: &Answer, is_behind_proxy: bool) -> Finding {
    let arrival = (answer.status == StatusCode::OK)
        .then(|| serde_json::from_slice::<Arrival>(&answer.body).ok())
        .flatten();
    let Some(arrival) = arrival else {
        return PROXIES.warning(
            format!("not known: the probe is answered with {}", answer.status),
            "check that all instances have the same WEB_SECRET_KEY, this version and the correct time, and that proxies pass all paths and headers",
        );
    };
    assess_arrival(&arrival, answer.local, is_behind_proxy)
}

fn assess_arrival(arrival: &Arrival, local: SocketAddr, is_behind_proxy: bool) -> Finding {
    let Arrival {
        peer,
        is_trusted,
        client,
        ..
    } = arrival;
    let address = peer.ip().to_canonical();
    let appended = appended(arrival);
    if is_same(*peer, local) {
        return PROXIES.ok("requests from this machine arrive without a proxy");
    }
    if *client == FORGED {
        return assess_forged(appended);
    }
    match (is_trusted, appended) {
        (true, None) if *client == address => PROXIES.warning(
            format!("the trusted proxy {address} sends no X-Forwarded-For: its address counts as that of every client"),
            APPEND,
        ),
        (true, Some(entry)) if forwarded::address(entry).is_none() => PROXIES.warning(
            format!("the trusted proxy {address} sends {entry:?} in X-Forwarded-For, which is no address: its address counts as that of every client"),
            APPEND,
        ),
        (true, _) => PROXIES.ok(format!(
            "behind the proxy {address}, the address of this client is {client}; a forged entry is not used"
        )),
        (false, Some(_)) => PROXIES.warning(
            format!("{address} sends X-Forwarded-For and is not trusted: its address counts as that of every client"),
            TRUST,
        ),
        (false, None) if is_behind_proxy => PROXIES.warning(
            format!("the proxy {address} is not trusted: its address counts as that of every client"),
            TRUST,
        ),
        (false, None) => PROXIES.ok(format!(
            "requests arrive from {address}; X-Forwarded-For is not used"
        )),
    }
}

/// The forged entry counts as the client: either nothing was appended to it, or only addresses of trusted proxies were.
fn assess_forged(appended: Option<&str>) -> Finding {
    let Some(sender) = appended else {
        return PROXIES.error(
            "a forged entry of X-Forwarded-For is used as the client's address: the proxy passes it on, and appends nothing",
            "let the proxy append the address of its client to X-Forwarded-For, or replace the header",
        );
    };
    match sender.parse::<IpAddr>() {
        Ok(address) if is_internal(address) => PROXIES.ok(format!(
            "not known whether forged entries are used: this machine has the address {address}, which is trusted as a proxy"
        )),
        _ => PROXIES.error(
            format!("a forged entry of X-Forwarded-For is used as the client's address: {sender} counts as a trusted proxy"),
            "restrict WEB_TRUSTED_PROXIES to the addresses of the proxies",
        ),
    }
}

/// The entry after the forged one, or the only one in its place.
fn appended(arrival: &Arrival) -> Option<&str> {
    let last = arrival.forwarded_for.last()?;
    (*last != FORGED.to_string()).then_some(last)
}

/// Whether both ends of a connection are the same process's view of it: no proxy or address translation is between them.
fn is_same(peer: SocketAddr, local: SocketAddr) -> bool {
    (peer.ip().to_canonical(), peer.port()) == (local.ip().to_canonical(), local.port())
}

/// Whether an address is of this machine or of a private network.
const fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Bytes, http::HeaderMap};
    use holdfast_server_kit::doctor::Severity::{self, Error, Ok, Warning};

    use super::*;
    use crate::request::trusted_proxies::TrustedProxies;

    const LOCAL: &str = "10.0.0.9:40000";

    /// The finding where a probe arrives from `peer` with these entries, and 10.1.0.0/16 is trusted.
    fn finding(peer: &str, entries: &[&str], is_behind_proxy: bool) -> Finding {
        let proxies = TrustedProxies::new(vec!["10.1.0.0/16".parse().unwrap()]);
        arrived(&proxies, peer, entries, is_behind_proxy)
    }

    fn arrived(
        proxies: &TrustedProxies,
        peer: &str,
        entries: &[&str],
        is_behind_proxy: bool,
    ) -> Finding {
        let peer: SocketAddr = peer.parse().unwrap();
        let arrival = Arrival {
            peer,
            is_trusted: proxies.contains(peer.ip()),
            forwarded_for: entries.iter().map(ToString::to_string).collect(),
            client: proxies.client(peer.ip(), entries).address,
        };
        let answer = Answer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: serde_json::to_vec(&arrival).unwrap().into(),
            local: LOCAL.parse().unwrap(),
        };
        assess(&answer, is_behind_proxy)
    }

    fn severity(peer: &str, entries: &[&str], is_behind_proxy: bool) -> Severity {
        finding(peer, entries, is_behind_proxy).severity
    }

    #[test]
    fn request_without_a_proxy_is_fine() {
        assert_eq!(severity(LOCAL, &["192.0.2.1"], false), Ok);
        assert_eq!(
            severity("[::ffff:10.0.0.9]:40000", &["192.0.2.1"], false),
            Ok
        );
        // Address translation.
        assert_eq!(severity("172.17.0.1:5000", &["192.0.2.1"], false), Ok);
    }

    #[test]
    fn proxy_that_appends_the_client_is_fine() {
        let finding = finding("10.1.0.1:5000", &["192.0.2.1", "198.51.100.9"], true);
        assert_eq!(finding.severity, Ok);
        assert!(finding.found.contains("198.51.100.9"), "{}", finding.found);
        let replaced = severity("10.1.0.1:5000", &["198.51.100.9"], true);
        assert_eq!(replaced, Ok);
    }

    /// `doctor` runs on the machine of the proxy, which replaces the forged entry by an address of this machine.
    #[test]
    fn proxy_on_the_same_machine_is_fine() {
        let finding = finding("10.1.0.1:5000", &["10.1.0.1"], true);
        assert_eq!(finding.severity, Ok, "{}", finding.found);
    }

    #[test]
    fn proxy_that_is_not_trusted_is_a_warning() {
        let entries = ["192.0.2.1", "198.51.100.9"];
        for is_behind_proxy in [false, true] {
            let severity = severity("10.2.0.1:5000", &entries, is_behind_proxy);
            assert_eq!(severity, Warning);
        }
        assert_eq!(severity("10.2.0.1:5000", &["192.0.2.1"], true), Warning);
        assert_eq!(severity("10.2.0.1:5000", &[], true), Warning);
    }

    #[test]
    fn trusted_proxy_that_sends_no_address_is_a_warning() {
        assert_eq!(severity("10.1.0.1:5000", &[], true), Warning);
        let entries = ["192.0.2.1", "unknown"];
        assert_eq!(severity("10.1.0.1:5000", &entries, true), Warning);
    }

    #[test]
    fn forged_entry_that_counts_is_an_error() {
        assert_eq!(severity("10.1.0.1:5000", &["192.0.2.1"], true), Error);
        let proxies = ["10.1.0.0/16", "198.0.0.0/8"].map(|network| network.parse().unwrap());
        let proxies = TrustedProxies::new(proxies.into());
        let entries = ["192.0.2.1", "198.51.100.9"];
        let finding = arrived(&proxies, "10.1.0.1:5000", &entries, true);
        assert_eq!(finding.severity, Error);
    }

    #[test]
    fn sender_in_the_network_of_the_proxies_leaves_it_unknown() {
        let finding = finding("10.1.0.1:5000", &["192.0.2.1", "10.1.0.9"], true);
        assert_eq!(finding.severity, Ok);
        assert!(finding.found.starts_with("not known"), "{}", finding.found);
    }

    #[test]
    fn probe_that_is_not_answered_is_a_warning() {
        for (status, body) in [(StatusCode::NOT_FOUND, "{}"), (StatusCode::OK, "<html>")] {
            let answer = Answer {
                status,
                headers: HeaderMap::new(),
                body: Bytes::from_static(body.as_bytes()),
                local: LOCAL.parse().unwrap(),
            };
            let outcome = assess(&answer, true).outcome();
            assert_eq!(outcome, ("public_url.proxies", Warning));
        }
    }
}
