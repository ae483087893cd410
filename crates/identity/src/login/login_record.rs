//! Logins in the list that the account's owner sees.

use time::OffsetDateTime;

use crate::{
    authentication::Factors,
    id::Sid,
    login::{ClientInfo, GrantRecord},
};

/// A live login as its owner sees it.
#[derive(Clone, Debug)]
pub struct LoginRecord {
    /// Identifier of the login.
    pub sid: Sid,
    /// The source of the sign-in.
    pub client: ClientInfo,
    /// Start of the login, UTC.
    pub created_at: OffsetDateTime,
    /// Time of the latest authentication, UTC.
    pub authenticated_at: OffsetDateTime,
    /// The factors that were verified; `amr` and `acr`.
    pub factors: Factors,
    /// Time of the latest use, UTC, accurate to [`LAST_SEEN_INTERVAL`](crate::login::LAST_SEEN_INTERVAL).
    pub last_seen_at: OffsetDateTime,
    /// Expiry of the login, however often it is refreshed.
    pub expires_at: OffsetDateTime,
    /// Time since which the login is bound to its browser's device; `None` if it is not bound.
    pub bound_at: Option<OffsetDateTime>,
    /// Its grants that have not ended, the oldest first.
    pub grants: Vec<GrantRecord>,
}
