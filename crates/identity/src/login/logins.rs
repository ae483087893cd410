//! The logins of a person, for that person and for administrators.

use crate::{
    authentication::StepUpRequired,
    error::Fault,
    id::{Sid, UserId},
    login::{EndReason, LoginRecord},
    service::IdentityService,
    store::StoreError,
    token::Person,
};

/// Why a login was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndLoginError {
    /// The person has none such that lives. Somebody else's is no different from one that never was.
    #[error("there is no such login")]
    NotFound,
    /// Whoever asks has to prove first who they are.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why the other logins were not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndOtherLoginsError {
    /// Whoever asks has to prove first who they are.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for EndLoginError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl IdentityService {
    /// The caller's logins that live, the one last seen first.
    pub async fn own_logins(&self, caller: &Person) -> Result<Vec<LoginRecord>, Fault> {
        let now = self.deps.clock.now();
        Ok(self.deps.store.logins_of(caller.subject, now).await?)
    }

    /// Ends one of the caller's logins. Any but the one through which they ask takes a fresh proof of who they are.
    pub async fn end_own_login(&self, caller: &Person, sid: Sid) -> Result<(), EndLoginError> {
        let reason = if sid == caller.sid {
            EndReason::SignedOut
        } else {
            self.require_fresh(caller.authenticated_at)?;
            EndReason::EndedElsewhere
        };
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let ended = store.end_login_of(caller.subject, sid, reason, now).await?;
        self.deps.revocations.catch_up().await;
        if ended {
            Ok(())
        } else {
            Err(EndLoginError::NotFound)
        }
    }

    /// Ends all of the caller's logins but the one through which they ask; says how many. Takes a fresh proof of who they are.
    pub async fn end_other_logins(&self, caller: &Person) -> Result<u64, EndOtherLoginsError> {
        self.require_fresh(caller.authenticated_at)?;
        let (but, reason) = (Some(caller.sid), EndReason::EndedElsewhere);
        Ok(self.end_logins(caller.subject, but, reason).await?)
    }

    /// Ends all logins of a person, as an administrator; says how many.
    pub async fn end_user_logins(&self, user: UserId) -> Result<u64, Fault> {
        self.end_logins(user, None, EndReason::Administrator).await
    }

    async fn end_logins(
        &self,
        user: UserId,
        but: Option<Sid>,
        reason: EndReason,
    ) -> Result<u64, Fault> {
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let ended = store.end_logins_of(user, but, reason, now).await?;
        self.deps.revocations.catch_up().await;
        Ok(ended)
    }
}
