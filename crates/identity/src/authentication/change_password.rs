//! Changing one's own password.

use super::{Authority, LoginRefused, SignedIn, StepUpRequired, check_password::NotChecked};
use crate::domain::{
    access_token::Person,
    error::Fault,
    login::Client,
    password::{NewPassword, Password, PasswordRejected},
    ports::StoreError,
    throttle::{Guess, Throttled},
    user::Account,
};

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordRefused {
    /// The current password is wrong.
    #[error("the current password is wrong")]
    InvalidCredentials,
    /// The new one breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// Whoever asks has to prove first who they are.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// Too many were wrong.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for ChangePasswordRefused {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<NotChecked> for ChangePasswordRefused {
    fn from(not_checked: NotChecked) -> Self {
        match not_checked {
            NotChecked::Throttled(throttled) => Self::Throttled(throttled),
            NotChecked::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// A password that was changed: that stands, whatever becomes of the rest.
#[derive(Debug)]
pub struct Changed {
    /// The login that begins in place of the caller's.
    pub login: Result<SignedIn, LoginRefused>,
}

impl Authority {
    /// Replaces the password of the person who calls, ends all of their logins, and begins a new one of the
    /// same kind. The current password is checked, and counted, before anything is made of the new one.
    pub async fn change_password(
        &self,
        caller: &Person,
        current: &Password,
        new: &str,
        client: Client,
    ) -> Result<Changed, ChangePasswordRefused> {
        self.require_fresh(caller.authenticated_at)?;
        let account = self.own_account(caller).await?;
        let (blinding, address) = (&*self.parts.blinding, client.ip_address);
        let guess = Guess::within(blinding, (caller.subject, caller.sid), address);
        if !self.check_password(&guess, Some(&account), current).await? {
            return Err(ChangePasswordRefused::InvalidCredentials);
        }
        let new = NewPassword::parse(new, &account.user.username)?;
        // The current one was shown to be the account's.
        if new.password().expose() == current.expose() {
            return Err(PasswordRejected::Unchanged.into());
        }
        let client = self.same_kind(caller, client).await?;
        let hasher = &self.parts.hasher;
        let hash = hasher.hash(new.password()).await.map_err(Fault::from)?;
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let replaced = store
            .replace_password(
                account.user.id,
                account.password_version,
                &hash,
                Some(caller.sid),
                now,
            )
            .await?;
        self.parts.revocations.catch_up().await;
        let account = Account {
            password_version: replaced.ok_or(ChangePasswordRefused::InvalidCredentials)?,
            ..account
        };
        Ok(Changed {
            login: self.begin_login(account, client).await,
        })
    }

    async fn own_account(&self, caller: &Person) -> Result<Account, ChangePasswordRefused> {
        let account = self.parts.store.account(caller.subject).await?;
        account.ok_or(ChangePasswordRefused::InvalidCredentials)
    }

    /// The client continues as the kind it signed in as.
    async fn same_kind(
        &self,
        caller: &Person,
        client: Client,
    ) -> Result<Client, ChangePasswordRefused> {
        match self.parts.store.login(caller.sid).await? {
            Some((login, _)) => Ok(Client {
                kind: login.kind,
                ..client
            }),
            None => Err(ChangePasswordRefused::InvalidCredentials),
        }
    }
}
