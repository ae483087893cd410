//! The counters that a one-time code or recovery code is counted on, and their limits.

use std::time::Duration;

use crate::{
    account::AuthenticationVersion,
    authentication::{Counter, KeyedHasher, Limit, LocationTrust},
    id::{Sid, UserId},
    login::ClientInfo,
};

/// Codes in a row, whose delays grow.
const IN_A_ROW: Limit = Limit::Backoff {
    free: 10,
    max_delay: Duration::from_mins(15),
    reset_after: Duration::from_hours(24),
};

/// Wrong codes for one account from all unknown browsers (NIST SP 800-63B-4 §3.2.2). With a million codes, of which three are accepted, the
/// chance to guess one is 1 in 3,300.
const ACCOUNT: Limit = Limit::Window {
    max: 100,
    length: Duration::from_hours(30 * 24),
};

/// The counters of one code that is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CodeCounters {
    /// Wrong codes in a row. A right one resets it.
    pub(super) in_a_row: Counter,
    /// Wrong codes, which a right one does not reset; it is refunded.
    pub(super) total: Vec<Counter>,
}

impl CodeCounters {
    /// Returns the counters of a code at a sign-in to this account with its credentials of this version. They do not depend on address and
    /// attempt, of which an attacker who knows the password may have many; only a known browser has its own, so that such an attacker cannot
    /// lock the owner out.
    pub(super) fn for_sign_in(
        keyed_hasher: &dyn KeyedHasher,
        (user, version): (UserId, AuthenticationVersion),
        client: &ClientInfo,
        trust: LocationTrust,
    ) -> Self {
        let counter = |limit, parts: &[&[u8]]| Counter {
            name: keyed_hasher.hash(parts),
            limit,
        };
        let user = user.as_bytes();
        let device = client.device.as_ref();
        if let Some(device) = device.filter(|_| trust == LocationTrust::Device) {
            return Self {
                in_a_row: counter(IN_A_ROW, &[b"code-device", user, device.as_bytes()]),
                total: Vec::new(),
            };
        }
        // With other credentials, an attacker begins again at the password.
        let version = version.0.to_be_bytes();
        Self {
            in_a_row: counter(IN_A_ROW, &[b"code", user, &version]),
            total: vec![counter(ACCOUNT, &[b"codes", user, &version])],
        }
    }

    /// Returns the counters of a code that is asked for within a login. No attempt outside of the account's logins increases them.
    pub(super) fn in_login(
        keyed_hasher: &dyn KeyedHasher,
        (user, version): (UserId, AuthenticationVersion),
        sid: Sid,
    ) -> Self {
        let (user, version) = (user.as_bytes(), version.0.to_be_bytes());
        Self {
            in_a_row: Counter {
                name: keyed_hasher.hash(&[b"code-login", sid.as_bytes()]),
                limit: IN_A_ROW,
            },
            total: vec![Counter {
                name: keyed_hasher.hash(&[b"codes-logins", user, &version]),
                limit: ACCOUNT,
            }],
        }
    }

    /// Returns all of the counters.
    pub(super) fn counters(&self) -> Vec<Counter> {
        let mut all = self.total.clone();
        all.push(self.in_a_row);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        authentication::keyed_hash::tests::UnkeyedHasher,
        login::{ClientKind, DeviceId},
    };

    fn at_sign_in(address: &str, device: u8, trust: LocationTrust) -> CodeCounters {
        let client = ClientInfo {
            kind: ClientKind::Browser,
            ip_address: address.parse().ok(),
            user_agent: None,
            device: DeviceId::from_bytes(&[device; 16]),
        };
        let account = (UserId::from_bytes([1; 16]), AuthenticationVersion::FIRST);
        CodeCounters::for_sign_in(&UnkeyedHasher, account, &client, trust)
    }

    #[test]
    fn codes_are_counted_together_from_all_addresses_and_unknown_browsers() {
        let one = at_sign_in("192.0.2.1", 1, LocationTrust::Unknown);
        for trust in [LocationTrust::Unknown, LocationTrust::Address] {
            assert_eq!(one, at_sign_in("198.51.100.7", 2, trust));
        }
    }

    #[test]
    fn known_browser_has_its_own_counter() {
        let known = at_sign_in("192.0.2.1", 1, LocationTrust::Device);
        assert_eq!(known.counters().len(), 1);
        assert_eq!(known, at_sign_in("198.51.100.7", 1, LocationTrust::Device));
        assert_ne!(known, at_sign_in("192.0.2.1", 2, LocationTrust::Device));
        assert_ne!(known, at_sign_in("192.0.2.1", 1, LocationTrust::Unknown));
    }
}
