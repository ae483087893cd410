//! Limits on guessing (ASVS 6.3.1, NIST SP 800-63B-4 §3.2.2): what is counted, and how long one waits for it.

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use async_trait::async_trait;
use holdfast_core::client_network::ClientNetwork;

use crate::{
    account::Username,
    id::{Sid, UserId},
    login::{ClientInfo, Generation, REPLAY_WINDOW},
    oauth::ClientId,
};

/// How long a place counts as known to an account after the last sign-in from there.
pub const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);

/// The first wait; it doubles with each further failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// On one account from one place: five at once, then ever more slowly.
const FROM_ONE_PLACE: Limit = Limit::Growing {
    free: 5,
    longest: Duration::from_mins(15),
    forgotten_after: Duration::from_hours(1),
};

/// The same from a place that is known to the account: that is most likely its owner, who may run several programs there.
const FROM_A_KNOWN_PLACE: Limit = Limit::Growing {
    free: 30,
    longest: Duration::from_mins(15),
    forgotten_after: Duration::from_hours(1),
};

/// From one address, on whatever accounts: many people may share it.
const FROM_ONE_ADDRESS: Limit = Limit::Growing {
    free: 100,
    longest: Duration::from_mins(1),
    forgotten_after: Duration::from_hours(1),
};

/// On one account, from all places that are not known to it.
const ON_ONE_ACCOUNT: Limit = Limit::Window {
    most: 100,
    length: Duration::from_hours(1),
};

/// Of one login. Nobody who keeps their access token until it expires comes near it.
const REFRESHES: Limit = Limit::Window {
    most: 60,
    length: Duration::from_mins(1),
};

/// Right passwords for one account from one place. Each begins a login or renews its proof: a write, an event, and an entry of the
/// revocation log sooner or later. A program that signs in every other second stays far below.
const RIGHT_PASSWORDS: Limit = Limit::Window {
    most: 600,
    length: Duration::from_mins(10),
};

/// Access tokens of one login or of one OAuth client that are revoked one by one: each is an entry of the revocation log.
const REVOCATIONS: Limit = Limit::Window {
    most: 60,
    length: Duration::from_mins(1),
};

/// Of one OAuth client: a hundred a second. A resource server that needs more asks `ValidateToken`, or remembers answers.
const INTROSPECTIONS: Limit = Limit::Window {
    most: 6_000,
    length: Duration::from_mins(1),
};

/// Repeats of the refresh token before the current one, for an answer that got lost and for one more.
const REPEATS: Limit = Limit::Window {
    most: 2,
    length: REPLAY_WINDOW,
};

/// The name of a counter or of a place: a keyed hash, which tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyedHash(pub [u8; 16]);

impl KeyedHash {
    /// Its bytes in hexadecimal.
    #[must_use]
    pub fn hex(self) -> String {
        self.0.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// Makes names that tell nothing.
pub trait KeyedHasher: Send + Sync {
    /// The name of these parts, in their order.
    fn blind(&self, deps: &[&[u8]]) -> KeyedHash;
}

/// How often something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `free` times at once; after that one waits, twice as long each time.
    Growing {
        /// How many cost no wait.
        free: u32,
        /// The longest wait.
        longest: Duration,
        /// How long after the last time all is forgotten.
        forgotten_after: Duration,
    },
    /// `most` times within `length` from the first one.
    Window {
        /// How many.
        most: u32,
        /// Within what time.
        length: Duration,
    },
}

impl Limit {
    /// How long one waits after the time with this number.
    #[must_use]
    pub fn wait_after(self, count: u32) -> Duration {
        match self {
            Self::Growing { free, longest, .. } => match count.checked_sub(free) {
                None => Duration::ZERO,
                Some(beyond) => FIRST_WAIT
                    .saturating_mul(2_u32.saturating_pow(beyond))
                    .min(longest),
            },
            Self::Window { most, length } if count >= most => length,
            Self::Window { .. } => Duration::ZERO,
        }
    }

    /// How long the first time is remembered, and whether each further one prolongs that.
    #[must_use]
    pub const fn memory(self) -> (Duration, bool) {
        match self {
            Self::Growing {
                forgotten_after, ..
            } => (forgotten_after, true),
            Self::Window { length, .. } => (length, false),
        }
    }
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its name.
    pub name: KeyedHash,
    /// How often.
    pub limit: Limit,
}

/// It has been done too often for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again later")]
pub struct Throttled {
    /// When to come back.
    pub retry_after: Duration,
    /// Whether this is the first refusal of this wait: the audit trail has one event for each wait, however often somebody
    /// knocks meanwhile.
    pub is_first: bool,
}

/// Where it is counted. One set for every channel; shared by all instances where they have a store for it. Waits are measured on
/// that store's clock, or by the time that passes here.
#[async_trait]
pub trait AttemptCounters: Send + Sync {
    /// Counts once more on each counter, or on none where one of them has to wait.
    async fn count(&self, counters: &[Counter]) -> Result<(), Throttled>;

    /// Takes one time back on each: it was no failure.
    async fn refund(&self, counters: &[Counter]);

    /// Forgets what was counted.
    async fn forget(&self, counter: &Counter);
}

/// Where a client is, as an account remembers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownLocations {
    /// The browser that is known by its cookie.
    pub device: Option<KeyedHash>,
    /// The address.
    pub address: Option<KeyedHash>,
}

impl KnownLocations {
    /// Where a client is.
    pub fn of(keyed_hasher: &dyn KeyedHasher, user: UserId, client: &ClientInfo) -> Self {
        let user = user.to_string();
        let name = |kind: &str, place: &[u8]| {
            keyed_hasher.blind(&[b"place", user.as_bytes(), kind.as_bytes(), place])
        };
        let device = client.device.as_ref();
        Self {
            device: device.map(|id| name("device", id.as_bytes())),
            address: client
                .ip_address
                .map(|address| name("address", &prefix(address))),
        }
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = KeyedHash> {
        self.device.into_iter().chain(self.address)
    }
}

/// How well an account knows where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocationTrust {
    /// Nobody signed in to it from there lately.
    Nothing,
    /// Somebody signed in from the address, which others may share.
    Address,
    /// Somebody signed in with this very browser.
    Device,
}

/// What a check of a password counts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginAttemptKeys {
    /// The account from this place; a success forgets it.
    pub own: Counter,
    /// Shared with others; a success is taken back. What others do from elsewhere is not among them where the place is known,
    /// so that nobody can lock the owner out.
    pub shared: Vec<Counter>,
    /// Right passwords for the account from this place, or from all places that are not known to it; what was wrong is taken
    /// back.
    pub right: Counter,
}

impl LoginAttemptKeys {
    /// At the password of whoever is called `name`, in whatever spelling, to sign in.
    pub fn to_sign_in(
        keyed_hasher: &dyn KeyedHasher,
        name: &str,
        client: &ClientInfo,
        knows: LocationTrust,
    ) -> Self {
        let name = name
            .parse::<Username>()
            .map_or_else(|_| name.to_owned(), |username| username.as_str().to_owned());
        let name = name.as_bytes();
        let address = client.ip_address.map(prefix).unwrap_or_default();
        let counter = |limit, deps: &[&[u8]]| Counter {
            name: keyed_hasher.blind(deps),
            limit,
        };
        // Only a device that is known counts by itself: anybody can say that they are another one each time.
        let device = client
            .device
            .as_ref()
            .filter(|_| knows == LocationTrust::Device);
        match (knows, device) {
            (LocationTrust::Device, Some(device)) => Self {
                own: counter(FROM_A_KNOWN_PLACE, &[b"device", name, device.as_bytes()]),
                shared: Vec::new(),
                right: counter(RIGHT_PASSWORDS, &[b"right-device", name, device.as_bytes()]),
            },
            (LocationTrust::Address | LocationTrust::Device, _) => Self {
                own: counter(FROM_A_KNOWN_PLACE, &[b"own", name, &address]),
                // The owner's successes do not renew the budget of whoever shares their address.
                shared: vec![counter(ON_ONE_ACCOUNT, &[b"known", name, &address])],
                right: counter(RIGHT_PASSWORDS, &[b"right-address", name, &address]),
            },
            (LocationTrust::Nothing, _) => Self {
                own: counter(FROM_ONE_PLACE, &[b"own", name, &address]),
                shared: vec![
                    counter(FROM_ONE_ADDRESS, &[b"address", &address]),
                    counter(ON_ONE_ACCOUNT, &[b"account", name]),
                ],
                right: counter(RIGHT_PASSWORDS, &[b"right", name]),
            },
        }
    }

    /// At the password of `user`, who is signed in with this login. Nobody else can make them wait.
    pub fn within(
        keyed_hasher: &dyn KeyedHasher,
        (user, sid): (UserId, Sid),
        address: Option<IpAddr>,
    ) -> Self {
        let user = user.to_string();
        let address = address.map(prefix).unwrap_or_default();
        Self {
            own: Counter {
                name: keyed_hasher.blind(&[b"login", sid.to_string().as_bytes()]),
                limit: FROM_A_KNOWN_PLACE,
            },
            shared: Vec::new(),
            // Not by the login: a new password begins another one each time.
            right: Counter {
                name: keyed_hasher.blind(&[b"right-again", user.as_bytes(), &address]),
                limit: RIGHT_PASSWORDS,
            },
        }
    }

    /// All of them.
    #[must_use]
    pub fn counters(&self) -> Vec<Counter> {
        let one = std::slice::from_ref;
        [one(&self.own), &self.shared, one(&self.right)].concat()
    }
}

/// The refreshes of a login.
pub fn refreshes(keyed_hasher: &dyn KeyedHasher, sid: Sid) -> Counter {
    Counter {
        name: keyed_hasher.blind(&[b"refresh", sid.to_string().as_bytes()]),
        limit: REFRESHES,
    }
}

/// The access tokens that are revoked one by one, of the login or OAuth client with this identifier.
pub fn revocations(keyed_hasher: &dyn KeyedHasher, of: &str) -> Counter {
    Counter {
        name: keyed_hasher.blind(&[b"revoke", of.as_bytes()]),
        limit: REVOCATIONS,
    }
}

/// The introspections of an OAuth client.
pub fn introspections(keyed_hasher: &dyn KeyedHasher, client: &ClientId) -> Counter {
    Counter {
        name: keyed_hasher.blind(&[b"introspect", client.as_str().as_bytes()]),
        limit: INTROSPECTIONS,
    }
}

/// The repeats that gave the refresh token of this generation again.
pub fn repeats(
    keyed_hasher: &dyn KeyedHasher,
    sid: Sid,
    Generation(number): Generation,
) -> Counter {
    Counter {
        name: keyed_hasher.blind(&[b"repeat", sid.as_bytes(), &number.to_be_bytes()]),
        limit: REPEATS,
    }
}

/// What a client network has in the name of a counter or a place.
fn prefix(address: IpAddr) -> Vec<u8> {
    ClientNetwork::from(address).prefix()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::{ClientKind, DeviceId};

    /// Tells everything, for the tests to look at.
    struct Plain;

    impl KeyedHasher for Plain {
        fn blind(&self, deps: &[&[u8]]) -> KeyedHash {
            let mut name = [0_u8; 16];
            for (index, byte) in deps.join(&0).into_iter().enumerate() {
                name[index % 16] = u8::wrapping_add(name[index % 16].rotate_left(3), byte);
            }
            KeyedHash(name)
        }
    }

    fn from(address: &str, device: Option<u8>) -> ClientInfo {
        ClientInfo {
            kind: ClientKind::Api,
            ip_address: address.parse().ok(),
            user_agent: None,
            device: device.and_then(|byte| DeviceId::from_bytes(&[byte; 16])),
        }
    }

    fn guess(name: &str, address: &str) -> LoginAttemptKeys {
        LoginAttemptKeys::to_sign_in(&Plain, name, &from(address, None), LocationTrust::Nothing)
    }

    #[test]
    fn waits_begin_after_the_free_ones_and_double_up_to_the_longest() {
        let waits = [1, 4, 5, 6, 7, 14, 15, 1000].map(|count| FROM_ONE_PLACE.wait_after(count));
        let seconds = [0, 0, 1, 2, 4, 512, 900, 900].map(Duration::from_secs);
        assert_eq!(waits, seconds);
    }

    #[test]
    fn a_window_is_full_at_once() {
        assert_eq!(ON_ONE_ACCOUNT.wait_after(99), Duration::ZERO);
        assert_eq!(ON_ONE_ACCOUNT.wait_after(100), Duration::from_hours(1));
    }

    #[test]
    fn every_spelling_of_a_name_is_one_account() {
        for spelling in ["ADA", " ada ", "ada\u{a0}", "\u{200b}ada"] {
            assert_eq!(guess(spelling, "192.0.2.1"), guess("ada", "192.0.2.1"));
        }
        assert_ne!(guess("ada", "192.0.2.1"), guess("bob", "192.0.2.1"));
    }

    #[test]
    fn addresses_of_one_customer_are_one_place() {
        let one = guess("ada", "2001:db8:1:2::1");
        assert_eq!(one, guess("ada", "2001:db8:1:2:ffff::9"));
        assert_ne!(one.own, guess("ada", "2001:db8:1:3::1").own);
        assert_eq!(guess("ada", "::ffff:192.0.2.1"), guess("ada", "192.0.2.1"));
    }

    #[test]
    fn who_says_to_be_another_device_each_time_is_counted_by_address() {
        let counted = |device, knows| {
            let client = from("192.0.2.1", Some(device));
            LoginAttemptKeys::to_sign_in(&Plain, "ada", &client, knows).counters()
        };
        for knows in [LocationTrust::Nothing, LocationTrust::Address] {
            assert_eq!(counted(1, knows), counted(2, knows));
        }
        assert_ne!(
            counted(1, LocationTrust::Device),
            counted(2, LocationTrust::Device)
        );
    }
}
