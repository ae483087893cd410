//! Known locations of accounts: the rows of `known_places`.

use futures_util::future::try_join_all;
use holdfast_identity::{
    authentication::{KeyedHash, KnownLocations, LocationTrust},
    id::UserId,
    login::NewLogin,
    store::StoreError,
};
use holdfast_store_sql::{
    column::millis,
    known_location::{MAX_LOCATIONS, bytes, trust},
};
use time::OffsetDateTime;

use crate::{SqliteStore, query::RunQuery as _};

impl SqliteStore {
    /// How far an account knows `locations`: those in which it signed in after `since`.
    pub(super) async fn known_location_trust(
        &self,
        user: UserId,
        locations: KnownLocations,
        since: OffsetDateTime,
    ) -> Result<LocationTrust, StoreError> {
        let rows = sqlx::query(
            "SELECT place FROM known_places \
             WHERE user_id = ? AND place IN (?, ?) AND last_seen_at > ?",
        )
        .bind(user.to_string())
        .bind(bytes(locations.device))
        .bind(bytes(locations.address))
        .bind(millis(since))
        .rows(&mut *self.read().await?)
        .await?;
        trust(&rows, locations)
    }

    /// Stores the locations of a login as known, and deletes the oldest beyond [`MAX_LOCATIONS`]. Stores none where the login has ended
    /// meanwhile, as a new password deletes the known locations of the old one.
    pub(super) async fn store_locations(&self, login: &NewLogin) -> Result<(), StoreError> {
        let inserts = login.known_locations.all().map(|KeyedHash(place)| {
            sqlx::query(
                "INSERT INTO known_places (user_id, place, last_seen_at) \
                 SELECT user_id, ?, ? FROM logins WHERE sid = ? AND ended_at IS NULL \
                 ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at",
            )
            .bind(place.to_vec())
            .bind(millis(login.created_at))
            .bind(login.sid.to_string())
        });
        let trim = sqlx::query(
            "DELETE FROM known_places WHERE user_id = ?1 AND place NOT IN (\
                 SELECT place FROM known_places WHERE user_id = ?1 ORDER BY last_seen_at DESC LIMIT ?2)",
        )
        .bind(login.user_id.to_string())
        .bind(MAX_LOCATIONS);
        // Queued together, and run in this order.
        let all = inserts
            .chain([trim])
            .map(|statement| self.commit(statement));
        try_join_all(all).await.map(drop)
    }
}
