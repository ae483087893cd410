//! Proving again who one is (ASVS 7.5.3, RFC 9470), and what takes that.

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{
    account::Password,
    authentication::{LoginAttemptKeys, PasswordCheckError, Throttled},
    error::Fault,
    service::IdentityService,
    store::StoreError,
    token::Person,
};

/// The act needs somebody who proved lately who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "prove again who you are, with AccountService.Reauthenticate, and ask with a new access token"
)]
pub struct StepUpRequired;

/// Why somebody was not authenticated again.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password is wrong, or the login has ended.
    #[error("the password is wrong")]
    InvalidCredentials,
    /// Too many were wrong.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ReauthenticateError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<PasswordCheckError> for ReauthenticateError {
    fn from(not_checked: PasswordCheckError) -> Self {
        match not_checked {
            PasswordCheckError::Throttled(throttled) => Self::Throttled(throttled),
            PasswordCheckError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl IdentityService {
    /// Notes that the owner of a login, who is at `address`, proved again who they are; gives when. Tokens that are issued from now on say so.
    pub async fn reauthenticate(
        &self,
        caller: &Person,
        password: &Password,
        address: Option<IpAddr>,
    ) -> Result<OffsetDateTime, ReauthenticateError> {
        let store = &self.deps.store;
        let account = store.account(caller.subject).await?;
        let keyed_hasher = &*self.deps.keyed_hasher;
        let guess = LoginAttemptKeys::within(keyed_hasher, (caller.subject, caller.sid), address);
        let is_right = self
            .check_password(&guess, account.as_ref(), password)
            .await?;
        let (now, sid) = (self.deps.clock.now(), caller.sid);
        match account.filter(|_| is_right) {
            Some(account)
                if store
                    .reauthenticated(sid, account.password_version, now)
                    .await? =>
            {
                Ok(now)
            }
            _ => Err(ReauthenticateError::InvalidCredentials),
        }
    }

    /// Refuses whose proof is too old for a sensitive act.
    pub(crate) fn require_fresh(
        &self,
        authenticated_at: OffsetDateTime,
    ) -> Result<(), StepUpRequired> {
        let age = self.deps.clock.now() - authenticated_at;
        if age < self.policy.step_up_max_age {
            Ok(())
        } else {
            Err(StepUpRequired)
        }
    }
}
