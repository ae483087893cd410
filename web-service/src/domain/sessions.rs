//! Beginning, resuming and ending browser sessions.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::system::Clock;
use time::OffsetDateTime;

use super::{
    session::{Lifetimes, Session},
    session_id::SessionId,
    sign_in::SignedIn,
};

/// Where sessions are kept.
#[async_trait]
pub trait SessionRecords: Send + Sync {
    /// Keeps a new session under a fresh id until `until`.
    async fn create(
        &self,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<SessionId, RecordsUnavailable>;

    /// Finds a session. One that cannot be read is removed and counts as none.
    async fn load(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable>;

    /// The same, by the store's own word: what a change begins from.
    async fn newest(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        self.load(id).await
    }

    /// Replaces a session that is still there; one that is gone stays gone.
    async fn update(
        &self,
        id: &SessionId,
        session: &Session,
        until: OffsetDateTime,
    ) -> Result<(), RecordsUnavailable>;

    /// Removes a session.
    async fn remove(&self, id: &SessionId) -> Result<(), RecordsUnavailable>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), RecordsUnavailable>;
}

/// The store does not answer. Nobody is signed out by that.
#[derive(Debug, thiserror::Error)]
#[error("the session store does not answer: {0}")]
pub struct RecordsUnavailable(pub String);

/// Browser sessions.
#[derive(Clone)]
pub struct Sessions {
    records: Arc<dyn SessionRecords>,
    clock: Arc<dyn Clock>,
    lifetimes: Lifetimes,
}

impl Sessions {
    /// Puts the parts together.
    pub fn new(
        records: Arc<dyn SessionRecords>,
        clock: Arc<dyn Clock>,
        lifetimes: Lifetimes,
    ) -> Self {
        Self {
            records,
            clock,
            lifetimes,
        }
    }

    /// Begins a session, always with a new id.
    pub async fn begin(&self, signed_in: SignedIn) -> Result<SessionId, RecordsUnavailable> {
        let now = self.clock.now();
        let session = Session {
            user_id: signed_in.person.user_id,
            username: signed_in.person.username,
            sid: signed_in.login.sid,
            epoch: signed_in.login.epoch,
            refresh_token: signed_in.refresh_token,
            authenticated_at: signed_in.login.authenticated_at,
            amr: signed_in.login.amr,
            login_expires_at: signed_in.login.expires_at,
            created_at: now,
            last_seen_at: now,
            device: None,
        };
        let until = self.lifetimes.idle_end(&session);
        self.records.create(&session, until).await
    }

    /// Finds a session that is not over.
    pub async fn find(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let now = self.clock.now();
        let found = self.records.load(id).await?;
        Ok(found.filter(|session| !self.lifetimes.is_over(session, now)))
    }

    /// Whether it is time to note that the browser was seen: once a minute.
    #[must_use]
    pub fn should_note(&self, session: &Session) -> bool {
        self.lifetimes.should_note(session, self.clock.now())
    }

    /// Notes that the browser was seen; says whether the session is there.
    pub async fn note_seen(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
    ) -> Result<bool, RecordsUnavailable> {
        let now = self.clock.now();
        self.change(id, session, |newest| newest.last_seen_at = now)
            .await
    }

    /// Changes a session as it is now, whatever of it was known, and says whether it is there. One that is gone stays gone.
    pub async fn change(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
        change: impl FnOnce(&mut Session) + Send,
    ) -> Result<bool, RecordsUnavailable> {
        let Some(newest) = self.records.newest(id).await? else {
            return Ok(false);
        };
        let mut changed = Arc::unwrap_or_clone(newest);
        change(&mut changed);
        *session = Arc::new(changed);
        let until = self.lifetimes.idle_end(session);
        self.records.update(id, session, until).await?;
        Ok(true)
    }

    /// Goes on under a new id, as the person proved again who they are; the old id is dead. The absolute end stays.
    pub async fn renew(
        &self,
        old: &SessionId,
        session: Arc<Session>,
        authenticated_at: OffsetDateTime,
    ) -> Result<(SessionId, Arc<Session>), RecordsUnavailable> {
        // It may have been bound while the proof was checked.
        let session = Arc::unwrap_or_clone(session);
        let device = match session.device {
            None => {
                let newest = self.records.newest(old).await?;
                newest.and_then(|newest| newest.device.clone())
            }
            device => device,
        };
        let session = Session {
            authenticated_at,
            last_seen_at: self.clock.now(),
            device,
            ..session
        };
        let until = self.lifetimes.idle_end(&session);
        let id = self.records.create(&session, until).await?;
        self.records.remove(old).await?;
        Ok((id, Arc::new(session)))
    }

    /// Ends a session here; its login is auth-service's to end.
    pub async fn end(&self, id: &SessionId) -> Result<(), RecordsUnavailable> {
        self.records.remove(id).await
    }

    /// How long sessions last.
    #[must_use]
    pub const fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), RecordsUnavailable> {
        self.records.ping().await
    }
}
