//! Password change by the account's owner.

use crate::{
    account::{Account, HasherError, NewPassword, Password, PasswordRejected},
    authentication::{
        AuthenticationService, LoginAttemptKeys, SignInError, SignedIn, StepUpRequired, Throttled,
        verify_password::PasswordCheckError,
    },
    error::{Fault, StoreError, fault_from},
    login::ClientInfo,
    token::Person,
};

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong, or the login has ended.
    #[error("the current password is wrong")]
    InvalidCredentials,
    /// The new password does not satisfy a rule.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// The caller must reauthenticate first.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// A rate limit refuses further attempts for now.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(ChangePasswordError: StoreError, HasherError);

impl From<PasswordCheckError> for ChangePasswordError {
    fn from(error: PasswordCheckError) -> Self {
        match error {
            PasswordCheckError::Throttled(throttled) => Self::Throttled(throttled),
            PasswordCheckError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// A password that was changed, whether or not a new login could be started.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The new login in place of the caller's, or why it did not start.
    pub login: Result<SignedIn, SignInError>,
}

impl AuthenticationService {
    /// Replaces the password of the caller's account, ends all of its logins, and starts a new one of the same kind. Requires a
    /// recent authentication. The current password is verified, and counted, before the new one is examined.
    pub async fn change_password(
        &self,
        caller: &Person,
        current: &Password,
        new: &str,
        client: ClientInfo,
    ) -> Result<PasswordChanged, ChangePasswordError> {
        let now = self.deps.clock.now();
        self.policy
            .require_recent_authentication(caller.authenticated_at, now)?;
        let account = self.own_account(caller).await?;
        let keys = LoginAttemptKeys::for_reauthentication(
            &*self.deps.keyed_hasher,
            (caller.subject, caller.sid),
            client.ip_address,
        );
        if !self.verify_password(&keys, Some(&account), current).await? {
            return Err(ChangePasswordError::InvalidCredentials);
        }
        let new = NewPassword::parse(new, &account.user.username)?;
        // `current` was just verified to be the account's password.
        if new.password().expose() == current.expose() {
            return Err(PasswordRejected::Unchanged.into());
        }
        let client = self.with_kind_of_login(caller, client).await?;
        let account = self.replace_password(caller, account, &new).await?;
        Ok(PasswordChanged {
            login: self.start_login(account, client).await,
        })
    }

    async fn own_account(&self, caller: &Person) -> Result<Account, ChangePasswordError> {
        let account = self.deps.store.account(caller.subject).await?;
        account.ok_or(ChangePasswordError::InvalidCredentials)
    }

    /// Stores the new password and returns the account with its new password version.
    async fn replace_password(
        &self,
        caller: &Person,
        account: Account,
        new: &NewPassword,
    ) -> Result<Account, ChangePasswordError> {
        let hash = self.deps.hasher.hash(new.password()).await?;
        let (id, version) = (account.user.id, account.password_version);
        let (store, now) = (&self.deps.store, self.deps.clock.now());
        let replaced = store
            .replace_password(id, version, &hash, Some(caller.sid), now)
            .await?;
        self.deps.revocations.catch_up().await;
        Ok(Account {
            password_version: replaced.ok_or(ChangePasswordError::InvalidCredentials)?,
            ..account
        })
    }

    /// The client info with the kind of the caller's login, which the new login keeps.
    async fn with_kind_of_login(
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
