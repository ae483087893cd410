//! Known locations of accounts.

use std::time::Duration;

use holdfast_identity::{
    authentication::{KeyedHash, KnownLocations, LocationTrust},
    store::StoreError,
};

use crate::SqlRow;

/// Maximum number of known locations of an account.
pub const MAX_LOCATIONS: u32 = 50;

/// Time after which a further sign-in from a known location renews it.
pub const LOCATION_INTERVAL: Duration = Duration::from_hours(24);

/// `place` of a location.
#[must_use]
pub fn bytes(place: Option<KeyedHash>) -> Option<Vec<u8>> {
    place.map(|KeyedHash(hash)| hash.to_vec())
}

/// How far an account knows `locations`, by the rows of `known_places` with one of them.
///
/// # Errors
/// When a column is missing.
pub fn trust(rows: &[impl SqlRow], locations: KnownLocations) -> Result<LocationTrust, StoreError> {
    let mut trust = LocationTrust::Unknown;
    for row in rows {
        let place = row.bytes("place")?;
        if locations
            .device
            .is_some_and(|KeyedHash(hash)| hash == place)
        {
            return Ok(LocationTrust::Device);
        }
        trust = LocationTrust::Address;
    }
    Ok(trust)
}
