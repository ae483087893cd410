//! Known locations: from where an account signed in recently, so that attempts from elsewhere cannot lock its owner out.

use std::{net::IpAddr, time::Duration};

use holdfast_core::client_network::ClientNetwork;

use crate::{
    authentication::{KeyedHash, KeyedHasher},
    id::UserId,
    login::ClientInfo,
};

/// Time for which a location stays known after the latest sign-in from it: 30 days.
pub const KNOWN_LOCATION_TTL: Duration = Duration::from_hours(30 * 24);

/// The locations of a client info, as hashes that differ for each account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownLocations {
    /// The browser, if it has a signed `__Host-known` cookie.
    pub device: Option<KeyedHash>,
    /// The client network, if the address is known.
    pub address: Option<KeyedHash>,
}

impl KnownLocations {
    /// Computes the locations of `client` for the account `user`.
    pub fn of(keyed_hasher: &dyn KeyedHasher, user: UserId, client: &ClientInfo) -> Self {
        let user = user.to_string();
        let hash = |kind: &str, location: &[u8]| {
            keyed_hasher.hash(&[b"place", user.as_bytes(), kind.as_bytes(), location])
        };
        let device = client.device.as_ref();
        Self {
            device: device.map(|id| hash("device", id.as_bytes())),
            address: client
                .ip_address
                .map(|address| hash("address", &network_prefix(address))),
        }
    }

    /// Returns the locations that there are, at most two.
    pub fn all(&self) -> impl Iterator<Item = KeyedHash> {
        self.device.into_iter().chain(self.address)
    }
}

/// Which location of a client info is known to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocationTrust {
    /// None.
    Unknown,
    /// The client network, which other people may share.
    Address,
    /// The browser.
    Device,
}

/// The prefix of the client network of an address, as it is hashed.
pub(super) fn network_prefix(address: IpAddr) -> Vec<u8> {
    ClientNetwork::from(address).prefix()
}
