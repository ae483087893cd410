//! Start, use and end of browser sessions.

use std::{sync::Arc, time::Duration};

use holdfast_client::Reauthenticated;
use holdfast_core::clock::Clock;
use secrecy::SecretString;

use crate::session::{
    browser_session::{Lifetimes, Session, level},
    records::{SessionRecords, Successor},
    session_id::SessionId,
    sign_in::SignedIn,
    unavailable::RecordsUnavailable,
};

/// How long a replaced id leads to its successor: longer than a browser waits for a response that was lost.
const SUCCESSOR_TTL: Duration = Duration::from_mins(1);

/// Operations on sessions. Clones share the store.
#[derive(Clone)]
pub struct Sessions {
    records: Arc<dyn SessionRecords>,
    clock: Arc<dyn Clock>,
    lifetimes: Lifetimes,
}

impl Sessions {
    /// Operations on the sessions in `records`.
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

    /// Starts a session, always with a new id (ASVS 7.2.4).
    pub async fn start(&self, signed_in: SignedIn) -> Result<SessionId, RecordsUnavailable> {
        let now = self.clock.now();
        let session = Session {
            user_id: signed_in.person.user_id,
            username: signed_in.person.username,
            sid: signed_in.login.sid,
            epoch: signed_in.login.epoch,
            refresh_token: signed_in.refresh_token,
            authenticated_at: signed_in.login.authenticated_at,
            amr: signed_in.login.amr,
            acr: level(signed_in.login.acr.as_deref()),
            login_expires_at: signed_in.login.expires_at,
            created_at: now,
            last_seen_at: now,
            device: None,
        };
        let until = self.lifetimes.idle_end(&session);
        self.records.create(&session, until).await
    }

    /// Finds a session that has not timed out.
    pub async fn find(&self, id: &SessionId) -> Result<Option<Arc<Session>>, RecordsUnavailable> {
        let now = self.clock.now();
        let found = self.records.load(id).await?;
        Ok(found.filter(|session| !self.lifetimes.is_over(session, now)))
    }

    /// Whether the session's last use should be recorded, see [`Lifetimes::should_record_seen`].
    #[must_use]
    pub fn should_record_seen(&self, session: &Session) -> bool {
        self.lifetimes.should_record_seen(session, self.clock.now())
    }

    /// Records that the session was used; returns whether it is still there.
    pub async fn record_seen(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
    ) -> Result<bool, RecordsUnavailable> {
        let now = self.clock.now();
        self.change(id, session, |newest| newest.last_seen_at = now)
            .await
    }

    /// Changes the session as it is in the store, which `session` becomes; returns whether it is still there.
    pub async fn change(
        &self,
        id: &SessionId,
        session: &mut Arc<Session>,
        change: impl FnOnce(&mut Session) + Send,
    ) -> Result<bool, RecordsUnavailable> {
        let Some(newest) = self.records.load_uncached(id).await? else {
            return Ok(false);
        };
        let mut changed = Arc::unwrap_or_clone(newest);
        change(&mut changed);
        *session = Arc::new(changed);
        let until = self.lifetimes.idle_end(session);
        self.records.update(id, session, until).await?;
        Ok(true)
    }

    /// Gives the session a new id after a reauthentication; the old id opens nothing any more, and the absolute timeout stays. Of
    /// concurrent calls, all return the same new id. `None`: the session ended meanwhile, or its login `sid` did. The successor after a
    /// password change belongs to another login, and is not for the holder of the old id.
    pub async fn renew(
        &self,
        (old, sid): (&SessionId, &str),
        latest: &Reauthenticated,
    ) -> Result<Option<(SessionId, Arc<Session>)>, RecordsUnavailable> {
        // From the store, as the session may have been bound to a device meanwhile.
        let Some(newest) = self.records.load_uncached(old).await? else {
            return self.join_renewed((old, sid), latest).await;
        };
        let mut session = Session {
            last_seen_at: self.clock.now(),
            ..Arc::unwrap_or_clone(newest)
        };
        session.record_authentication(latest);
        let until = self.lifetimes.idle_end(&session);
        let id = self.records.create(&session, until).await?;
        // Before the old session is removed, so that a sign-out finds one of the two.
        let is_first = self.replace(old, &id, &session.refresh_token).await?;
        self.records.remove(old).await?;
        if is_first {
            return Ok(Some((id, Arc::new(session))));
        }
        self.records.remove(&id).await?;
        self.join_renewed((old, sid), latest).await
    }

    /// The session that a concurrent request renewed.
    async fn join_renewed(
        &self,
        (old, sid): (&SessionId, &str),
        latest: &Reauthenticated,
    ) -> Result<Option<(SessionId, Arc<Session>)>, RecordsUnavailable> {
        let Some(Successor { id, .. }) = self.successor(old).await? else {
            return Ok(None);
        };
        let newest = self.records.load_uncached(&id).await?;
        let Some(mut session) = newest.filter(|session| session.sid == sid) else {
            return Ok(None);
        };
        let authenticate = |newest: &mut Session| {
            if latest.authenticated_at >= newest.authenticated_at {
                newest.record_authentication(latest);
            }
        };
        let is_there = self.change(&id, &mut session, authenticate).await?;
        Ok(is_there.then_some((id, session)))
    }

    /// Makes `new` the successor of `old` for a minute, so that a sign-out with `old` ends its login; returns whether `old` had no
    /// successor before.
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
        self.records.insert_successor(old, &successor, until).await
    }

    /// The latest successor of an id that was replaced within the last minute. It is for a sign-out only.
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

    /// Removes a session. Its login stays.
    pub async fn end(&self, id: &SessionId) -> Result<(), RecordsUnavailable> {
        self.records.remove(id).await
    }

    /// The timeouts of sessions.
    #[must_use]
    pub const fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Checks that the store answers and accepts writes.
    pub async fn ping(&self) -> Result<(), RecordsUnavailable> {
        self.records.ping().await
    }
}
