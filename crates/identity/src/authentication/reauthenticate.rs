//! Proving again who one is (ASVS 7.5.3, RFC 9470), and what takes that.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::{Authority, check_password::NotChecked};
use crate::domain::{
    access_token::Person,
    error::Fault,
    password::Password,
    ports::StoreError,
    throttle::{Guess, Throttled},
};

/// The act needs somebody who proved lately who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "prove again who you are, with AccountService.Reauthenticate, and ask with a new access token"
)]
pub struct StepUpRequired;

/// Why somebody was not authenticated again.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticateRefused {
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

impl From<StoreError> for ReauthenticateRefused {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NotChecked> for ReauthenticateRefused {
    fn from(not_checked: NotChecked) -> Self {
        match not_checked {
            NotChecked::Throttled(throttled) => Self::Throttled(throttled),
            NotChecked::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Authority {
    /// Notes that the owner of a login, who is at `address`, proved again who they are; gives when. Tokens that are issued from now on say so.
    pub async fn reauthenticate(
        &self,
        caller: &Person,
        password: &Password,
        address: Option<IpAddr>,
    ) -> Result<OffsetDateTime, ReauthenticateRefused> {
        let store = &self.parts.store;
        let account = store.account(caller.subject).await?;
        let blinding = &*self.parts.blinding;
        let guess = Guess::within(blinding, (caller.subject, caller.sid), address);
        let is_right = self
            .check_password(&guess, account.as_ref(), password)
            .await?;
        let (now, sid) = (self.parts.clock.now(), caller.sid);
        match account.filter(|_| is_right) {
            Some(account)
                if store
                    .reauthenticated(sid, account.password_version, now)
                    .await? =>
            {
                Ok(now)
            }
            _ => Err(ReauthenticateRefused::InvalidCredentials),
        }
    }

    /// Refuses whose proof is too old for a sensitive act.
    pub(super) fn require_fresh(
        &self,
        authenticated_at: OffsetDateTime,
    ) -> Result<(), StepUpRequired> {
        let age = self.parts.clock.now() - authenticated_at;
        if age < self.policy.step_up_max_age {
            Ok(())
        } else {
            Err(StepUpRequired)
        }
    }
}
