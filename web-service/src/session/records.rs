//! Port of the session store.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::session::{
    browser_session::Session, session_id::SessionId, unavailable::RecordsUnavailable,
};

/// The session that replaced another one. A sign-out with the old id ends it; the old id opens no session.
#[derive(Clone, Debug)]
pub struct Successor {
    /// Id of the new session.
    pub id: SessionId,
    /// Refresh token of its login.
    pub refresh_token: SecretString,
}

/// A store of session records.
#[async_trait]
pub trait SessionRecords: Send + Sync {
    /// Stores a new session under a fresh id until `until`.
    async fn create(
        &self,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<SessionId, RecordsUnavailable>;

    /// Reads a session, perhaps from a cache. One that cannot be decoded is removed and counts as missing.
    async fn load(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable>;

    /// Reads a session from the store itself, as every change must.
    async fn load_uncached(
        &self,
        id: &SessionId,
    ) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        self.load(id).await
    }

    /// Replaces a session that is in the store. One that was removed is not created again.
    async fn update(
        &self,
        id: &SessionId,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<(), RecordsUnavailable>;

    /// Removes a session.
    async fn remove(&self, id: &SessionId) -> Result<(), RecordsUnavailable>;

    /// Stores the successor of `old` until `until`, unless it has one; returns whether it had none. Of concurrent calls, on any
    /// instance, exactly one returns `true`.
    async fn insert_successor(
        &self,
        old: &SessionId,
        successor: &Successor,
        until: OffsetDateTime,
    ) -> Result<bool, RecordsUnavailable>;

    /// The successor of `old` that was stored within the last minute.
    async fn successor(&self, old: &SessionId) -> Result<Option<Successor>, RecordsUnavailable>;

    /// Checks that the store answers and accepts writes.
    async fn ping(&self) -> Result<(), RecordsUnavailable>;
}
