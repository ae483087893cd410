//! Reauthentication within a login (ASVS 7.5.3, RFC 9470).

use std::net::IpAddr;

use time::OffsetDateTime;

use crate::{
    account::Password,
    authentication::{
        AuthenticationService, LoginAttemptKeys, Throttled, verify_password::PasswordCheckError,
    },
    error::{Fault, StoreError, fault_from},
    token::Person,
};

/// Why a reauthentication failed.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateError {
    /// The password is wrong, or the login has ended.
    #[error("the password is wrong")]
    InvalidCredentials,
    /// A rate limit refuses further attempts for now.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(ReauthenticateError: StoreError);

impl From<PasswordCheckError> for ReauthenticateError {
    fn from(error: PasswordCheckError) -> Self {
        match error {
            PasswordCheckError::Throttled(throttled) => Self::Throttled(throttled),
            PasswordCheckError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl AuthenticationService {
    /// Verifies the password of the caller's account and updates `auth_time` of the caller's login, which tokens that are issued
    /// from now on contain. Returns the new `auth_time`.
    pub async fn reauthenticate(
        &self,
        caller: &Person,
        password: &Password,
        address: Option<IpAddr>,
    ) -> Result<OffsetDateTime, ReauthenticateError> {
        let store = &self.deps.store;
        let account = store.account(caller.subject).await?;
        let keys = LoginAttemptKeys::for_reauthentication(
            &*self.deps.keyed_hasher,
            (caller.subject, caller.sid),
            address,
        );
        let is_right = self
            .verify_password(&keys, account.as_ref(), password)
            .await?;
        let (now, sid) = (self.deps.clock.now(), caller.sid);
        match account.filter(|_| is_right) {
            Some(account)
                if store
                    .update_authenticated_at(sid, account.password_version, now)
                    .await? =>
            {
                Ok(now)
            }
            _ => Err(ReauthenticateError::InvalidCredentials),
        }
    }
}
