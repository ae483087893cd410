//! Changing one's own password.

use crate::{
    account::{Account, NewPassword, Password, PasswordRejected},
    authentication::{
        LoginAttemptKeys, PasswordCheckError, SignInError, SignedIn, StepUpRequired, Throttled,
    },
    error::Fault,
    login::ClientInfo,
    service::IdentityService,
    store::StoreError,
    token::Person,
};

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
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

impl From<StoreError> for ChangePasswordError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<PasswordCheckError> for ChangePasswordError {
    fn from(not_checked: PasswordCheckError) -> Self {
        match not_checked {
            PasswordCheckError::Throttled(throttled) => Self::Throttled(throttled),
            PasswordCheckError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// A password that was changed: that stands, whatever becomes of the rest.
#[derive(Debug)]
pub struct Changed {
    /// The login that begins in place of the caller's.
    pub login: Result<SignedIn, SignInError>,
}

impl IdentityService {
    /// Replaces the password of the person who calls, ends all of their logins, and begins a new one of the
    /// same kind. The current password is checked, and counted, before anything is made of the new one.
    pub async fn change_password(
        &self,
        caller: &Person,
        current: &Password,
        new: &str,
        client: ClientInfo,
    ) -> Result<Changed, ChangePasswordError> {
        self.require_fresh(caller.authenticated_at)?;
        let account = self.own_account(caller).await?;
        let (keyed_hasher, address) = (&*self.deps.keyed_hasher, client.ip_address);
        let guess = LoginAttemptKeys::within(keyed_hasher, (caller.subject, caller.sid), address);
        if !self.check_password(&guess, Some(&account), current).await? {
            return Err(ChangePasswordError::InvalidCredentials);
        }
        let new = NewPassword::parse(new, &account.user.username)?;
        // The current one was shown to be the account's.
        if new.password().expose() == current.expose() {
            return Err(PasswordRejected::Unchanged.into());
        }
        let client = self.same_kind(caller, client).await?;
        let hasher = &self.deps.hasher;
        let hash = hasher.hash(new.password()).await.map_err(Fault::from)?;
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let replaced = store
            .replace_password(
                account.user.id,
                account.password_version,
                &hash,
                Some(caller.sid),
                now,
            )
            .await?;
        self.deps.revocations.catch_up().await;
        let account = Account {
            password_version: replaced.ok_or(ChangePasswordError::InvalidCredentials)?,
            ..account
        };
        Ok(Changed {
            login: self.begin_login(account, client).await,
        })
    }

    async fn own_account(&self, caller: &Person) -> Result<Account, ChangePasswordError> {
        let account = self.deps.store.account(caller.subject).await?;
        account.ok_or(ChangePasswordError::InvalidCredentials)
    }

    /// The client continues as the kind it signed in as.
    async fn same_kind(
        &self,
        caller: &Person,
        client: ClientInfo,
    ) -> Result<ClientInfo, ChangePasswordError> {
        match self.deps.store.login(caller.sid).await? {
            Some((login, _)) => Ok(ClientInfo {
                kind: login.kind,
                ..client
            }),
            None => Err(ChangePasswordError::InvalidCredentials),
        }
    }
}
