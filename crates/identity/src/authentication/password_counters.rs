//! The counters that a password is counted on, and their limits.

use std::{net::IpAddr, time::Duration};

use crate::{
    account::Username,
    authentication::{Counter, KeyedHasher, Limit, LocationTrust, known_location::network_prefix},
    id::{Sid, UserId},
    login::ClientInfo,
};

/// For one account from one unknown location.
const UNKNOWN_LOCATION: Limit = Limit::Backoff {
    free: 5,
    max_delay: Duration::from_mins(15),
    reset_after: Duration::from_hours(1),
};

/// For one account from one known location, most likely its owner, who may run several programs there.
const KNOWN_LOCATION: Limit = Limit::Backoff {
    free: 30,
    max_delay: Duration::from_mins(15),
    reset_after: Duration::from_hours(1),
};

/// From one client network, for all accounts: many people may share it.
const CLIENT_NETWORK: Limit = Limit::Backoff {
    free: 100,
    max_delay: Duration::from_mins(1),
    reset_after: Duration::from_hours(1),
};

/// For one account, from all unknown locations together.
const ACCOUNT: Limit = Limit::Window {
    max: 100,
    length: Duration::from_hours(1),
};

/// Successful attempts for one account from one location. Each starts a login or updates `auth_time`: a write, an audit event and,
/// later, an entry of the revocation log. A program that signs in every other second stays below the limit.
const SUCCESSES: Limit = Limit::Window {
    max: 600,
    length: Duration::from_mins(10),
};

/// The counters of one password that is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordCounters {
    /// Failures for the account from this location. A success resets it.
    pub failures_here: Counter,
    /// Failures that are counted together with those of others; a success is refunded. From a known location it includes no
    /// counter that attempts from elsewhere increase, so that nobody can lock the account's owner out.
    pub failures_shared: Vec<Counter>,
    /// Successes for the account from this location, or from all unknown ones together; a failure is refunded.
    pub successes: Counter,
}

impl PasswordCounters {
    /// Returns the counters of a sign-in with the username `name`, in any spelling.
    pub fn for_sign_in(
        keyed_hasher: &dyn KeyedHasher,
        name: &str,
        client: &ClientInfo,
        trust: LocationTrust,
    ) -> Self {
        let name = name
            .parse::<Username>()
            .map_or_else(|_| name.to_owned(), |username| username.as_str().to_owned());
        let name = name.as_bytes();
        let address = client.ip_address.map(network_prefix).unwrap_or_default();
        let counter = |limit, parts: &[&[u8]]| Counter {
            name: keyed_hasher.hash(parts),
            limit,
        };
        // Only a known device has counters of its own: an attacker can claim to be a new one each time.
        let device = client
            .device
            .as_ref()
            .filter(|_| trust == LocationTrust::Device);
        match (trust, device) {
            (LocationTrust::Device, Some(device)) => Self {
                failures_here: counter(KNOWN_LOCATION, &[b"device", name, device.as_bytes()]),
                failures_shared: Vec::new(),
                successes: counter(SUCCESSES, &[b"right-device", name, device.as_bytes()]),
            },
            (LocationTrust::Address | LocationTrust::Device, _) => Self {
                failures_here: counter(KNOWN_LOCATION, &[b"own", name, &address]),
                // A success of the owner does not reset the failures of others who share the address.
                failures_shared: vec![counter(ACCOUNT, &[b"known", name, &address])],
                successes: counter(SUCCESSES, &[b"right-address", name, &address]),
            },
            (LocationTrust::Unknown, _) => Self {
                failures_here: counter(UNKNOWN_LOCATION, &[b"own", name, &address]),
                failures_shared: vec![
                    counter(CLIENT_NETWORK, &[b"address", &address]),
                    counter(ACCOUNT, &[b"account", name]),
                ],
                successes: counter(SUCCESSES, &[b"right", name]),
            },
        }
    }

    /// Returns the counters of a password that is asked for within a login. No attempt outside of the login increases them.
    pub fn for_reauthentication(
        keyed_hasher: &dyn KeyedHasher,
        (user, sid): (UserId, Sid),
        address: Option<IpAddr>,
    ) -> Self {
        let user = user.to_string();
        let address = address.map(network_prefix).unwrap_or_default();
        Self {
            failures_here: Counter {
                name: keyed_hasher.hash(&[b"login", sid.to_string().as_bytes()]),
                limit: KNOWN_LOCATION,
            },
            failures_shared: Vec::new(),
            // Not by login: each new password starts another one.
            successes: Counter {
                name: keyed_hasher.hash(&[b"right-again", user.as_bytes(), &address]),
                limit: SUCCESSES,
            },
        }
    }

    /// Returns all of the counters.
    #[must_use]
    pub fn counters(&self) -> Vec<Counter> {
        let one = std::slice::from_ref;
        [
            one(&self.failures_here),
            &self.failures_shared,
            one(&self.successes),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authentication::keyed_hash::tests::UnkeyedHasher,
        login::{ClientKind, DeviceId},
    };

    fn from(address: &str, device: Option<u8>) -> ClientInfo {
        ClientInfo {
            kind: ClientKind::Api,
            ip_address: address.parse().ok(),
            user_agent: None,
            device: device.and_then(|byte| DeviceId::from_bytes(&[byte; 16])),
        }
    }

    fn keys(name: &str, address: &str) -> PasswordCounters {
        let client = from(address, None);
        PasswordCounters::for_sign_in(&UnkeyedHasher, name, &client, LocationTrust::Unknown)
    }

    #[test]
    fn delay_doubles_after_the_free_attempts_up_to_the_maximum() {
        let delays = [1, 4, 5, 6, 7, 14, 15, 1000].map(|count| UNKNOWN_LOCATION.delay_after(count));
        let seconds = [0, 0, 1, 2, 4, 512, 900, 900].map(Duration::from_secs);
        assert_eq!(delays, seconds);
    }

    #[test]
    fn full_window_delays_by_its_length() {
        assert_eq!(ACCOUNT.delay_after(99), Duration::ZERO);
        assert_eq!(ACCOUNT.delay_after(100), Duration::from_hours(1));
    }

    #[test]
    fn spellings_of_a_username_have_the_same_counters() {
        for spelling in ["ADA", " ada ", "ada\u{a0}", "\u{200b}ada"] {
            assert_eq!(keys(spelling, "192.0.2.1"), keys("ada", "192.0.2.1"));
        }
        assert_ne!(keys("ada", "192.0.2.1"), keys("bob", "192.0.2.1"));
    }

    #[test]
    fn addresses_of_one_network_have_the_same_counters() {
        let one = keys("ada", "2001:db8:1:2::1");
        assert_eq!(one, keys("ada", "2001:db8:1:2:ffff::9"));
        assert_ne!(
            one.failures_here,
            keys("ada", "2001:db8:1:3::1").failures_here
        );
        assert_eq!(keys("ada", "::ffff:192.0.2.1"), keys("ada", "192.0.2.1"));
    }

    #[test]
    fn unknown_device_is_counted_by_address() {
        let counted = |device, trust| {
            let client = from("192.0.2.1", Some(device));
            PasswordCounters::for_sign_in(&UnkeyedHasher, "ada", &client, trust).counters()
        };
        for trust in [LocationTrust::Unknown, LocationTrust::Address] {
            assert_eq!(counted(1, trust), counted(2, trust));
        }
        assert_ne!(
            counted(1, LocationTrust::Device),
            counted(2, LocationTrust::Device)
        );
    }
}
