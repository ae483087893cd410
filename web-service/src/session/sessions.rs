//! Beginning, resuming and ending browser sessions.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, replay_cache::ReplayCacheError};
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::session::{
    browser_session::{Lifetimes, Session},
    session_id::SessionId,
    sign_in::SignedIn,
};

/// How long an id that was replaced still leads to its login. Longer than a browser waits for an answer that was lost.
const SUCCESSOR_TTL: Duration = Duration::from_mins(1);

/// What took the place of a session id. A sign-out with the old id ends it; the old id opens nothing.
#[derive(Clone, Debug)]
pub struct Successor {
    /// The id that the session goes on under.
    pub id: SessionId,
    /// Names the login towards auth-service.
    pub refresh_token: SecretString,
}

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

    /// Keeps what replaces `old` until `until`, unless something has replaced it already; says whether nothing had. Of any number
    /// of calls at once, on whatever instance, one is first.
    async fn leave_successor(
        &self,
        old: &SessionId,
        successor: &Successor,
        until: OffsetDateTime,
    ) -> Result<bool, RecordsUnavailable>;

    /// What replaced `old` within the last minute.
    async fn successor(&self, old: &SessionId) -> Result<Option<Successor>, RecordsUnavailable>;

    /// Whether the store answers, and takes writes.
    async fn ping(&self) -> Result<(), RecordsUnavailable>;
}

/// The store does not answer. Nobody is signed out by that.
#[derive(Debug, thiserror::Error)]
#[error("the session store does not answer: {0}")]
pub struct RecordsUnavailable(pub String);

impl From<ReplayCacheError> for RecordsUnavailable {
    fn from(error: ReplayCacheError) -> Self {
        Self(error.to_string())
    }
}

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

    /// Goes on under a new id, as the person proved again who they are; the old id opens nothing any more. The absolute end stays.
    /// Of several calls at once all go on under the same new id. `None`: the session ended meanwhile, or its login `sid` did: what
    /// replaced it after a new password is of another login, and for nobody who held this one.
    pub async fn renew(
        &self,
        (old, sid): (&SessionId, &str),
        authenticated_at: OffsetDateTime,
    ) -> Result<Option<(SessionId, Arc<Session>)>, RecordsUnavailable> {
        // As it is now: it may have been bound while the proof was checked.
        let Some(newest) = self.records.newest(old).await? else {
            return self.join_renewed((old, sid), authenticated_at).await;
        };
        let session = Session {
            authenticated_at,
            last_seen_at: self.clock.now(),
            ..Arc::unwrap_or_clone(newest)
        };
        let until = self.lifetimes.idle_end(&session);
        let id = self.records.create(&session, until).await?;
        // Before the old one is gone: a sign-out finds one of the two.
        let is_new = self.replace(old, &id, &session.refresh_token).await?;
        self.records.remove(old).await?;
        if is_new {
            return Ok(Some((id, Arc::new(session))));
        }
        self.records.remove(&id).await?;
        self.join_renewed((old, sid), authenticated_at).await
    }

    /// Goes on with what another request renewed the session to.
    async fn join_renewed(
        &self,
        (old, sid): (&SessionId, &str),
        authenticated_at: OffsetDateTime,
    ) -> Result<Option<(SessionId, Arc<Session>)>, RecordsUnavailable> {
        let Some(Successor { id, .. }) = self.successor(old).await? else {
            return Ok(None);
        };
        let newest = self.records.newest(&id).await?;
        let Some(mut session) = newest.filter(|session| session.sid == sid) else {
            return Ok(None);
        };
        let prove = |newest: &mut Session| {
            newest.authenticated_at = newest.authenticated_at.max(authenticated_at);
        };
        let is_there = self.change(&id, &mut session, prove).await?;
        Ok(is_there.then_some((id, session)))
    }

    /// Lets a sign-out with `old` end the login of `new`, for a minute; says whether nothing had replaced `old` before.
    pub async fn replace(
        &self,
        old: &SessionId,
        new: &SessionId,
        refresh_token: &SecretString,
    ) -> Result<bool, RecordsUnavailable> {
        let successor = Successor {
            id: new.clone(),
            refresh_token: refresh_token.clone(),
        };
        let until = self.clock.now() + SUCCESSOR_TTL;
        self.records.leave_successor(old, &successor, until).await
    }

    /// What an id that was replaced within the last minute leads to, for a sign-out and nothing else.
    pub async fn successor(
        &self,
        old: &SessionId,
    ) -> Result<Option<Successor>, RecordsUnavailable> {
        let mut last = None;
        let mut next = self.records.successor(old).await?;
        while let Some(successor) = next {
            next = self.records.successor(&successor.id).await?;
            last = Some(successor);
        }
        Ok(last)
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

    /// Whether the store answers, and takes writes.
    pub async fn ping(&self) -> Result<(), RecordsUnavailable> {
        self.records.ping().await
    }
}
