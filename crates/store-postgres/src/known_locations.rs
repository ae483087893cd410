//! Known locations of accounts: the rows of `known_places`.

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

use crate::{
    PostgresStore,
    query::{RunQuery as _, answer},
};

impl PostgresStore {
    /// How far an account knows `locations`: those in which it signed in after `since`.
    pub(super) async fn known_location_trust(
        &self,
        user: UserId,
        locations: KnownLocations,
        since: OffsetDateTime,
    ) -> Result<LocationTrust, StoreError> {
        let rows = sqlx::query(
            "SELECT place FROM known_places \
             WHERE user_id = $1 AND place IN ($2, $3) AND last_seen_at > $4",
        )
        .bind(user.to_string())
        .bind(bytes(locations.device))
        .bind(bytes(locations.address))
        .bind(millis(since))
        .rows(&self.pool)
        .await?;
        trust(&rows, locations)
    }

    /// Stores the locations of a login as known, and deletes the oldest beyond [`MAX_LOCATIONS`]. Stores none where the login has ended
    /// meanwhile, as a new password deletes the known locations of the old one.
    pub(super) async fn store_locations(&self, login: &NewLogin) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        // Of sign-ins at once, each trims what the one before it has stored.
        sqlx::query("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE")
            .bind(login.user_id.to_string())
            .run(&mut *transaction)
            .await?;
        let live =
            sqlx::query("SELECT sid FROM logins WHERE sid = $1 AND ended_at IS NULL FOR SHARE")
                .bind(login.sid.to_string())
                .first_row(&mut *transaction)
                .await?;
        if live.is_none() {
            return Ok(());
        }
        for KeyedHash(place) in login.known_locations.all() {
            sqlx::query(
                "INSERT INTO known_places (user_id, place, last_seen_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (user_id, place) DO UPDATE SET last_seen_at = excluded.last_seen_at",
            )
            .bind(login.user_id.to_string())
            .bind(place.as_slice())
            .bind(millis(login.created_at))
            .run(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "DELETE FROM known_places WHERE user_id = $1 AND place NOT IN (\
                 SELECT place FROM known_places WHERE user_id = $1 ORDER BY last_seen_at DESC LIMIT $2)",
        )
        .bind(login.user_id.to_string())
        .bind(i64::from(MAX_LOCATIONS))
        .run(&mut *transaction)
        .await?;
        answer(transaction.commit()).await
    }
}
