//! Password change by the account's owner.

use crate::{
    account::{Account, HasherError, NewPassword, Password, PasswordRejected},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, PasswordCounters, SignInError, SignedIn, StepUpRequired, Throttled,
        sign_in::Authenticated, verify_password::PasswordCheckError,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    login::{ClientInfo, ClientKind, Login},
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

impl ChangePasswordError {
    /// The kind of the audit event of this error, if it has one.
    const fn audit_kind(&self) -> Option<AuditKind> {
        match self {
            Self::InvalidCredentials => Some(AuditKind::PasswordChangeRefused),
            Self::Throttled(throttled) if throttled.is_first => {
                Some(AuditKind::PasswordChangeThrottled)
            }
            Self::Password(_) | Self::StepUpRequired(_) | Self::Throttled(_) | Self::Fault(_) => {
                None
            }
        }
    }
}

impl AuthenticationService {
    /// Replaces the password of the caller's account, ends all of its logins, and starts a new one of the same kind. Requires a
    /// recent authentication. The current password is verified, and counted, before the new one is examined.
    pub async fn change_password(
        &self,
        caller: &Person,
        current: &Password,
        new: &str,
        context: &CallContext,
    ) -> Result<PasswordChanged, ChangePasswordError> {
        let result = self.change_to(caller, current, new, context).await;
        let error = result.as_ref().err();
        if let Some(kind) = error.and_then(ChangePasswordError::audit_kind) {
            let subject = AuditSubject::caller(caller);
            self.deps.audit.record(context, kind, subject);
        }
        result
    }

    async fn change_to(
        &self,
        caller: &Person,
        current: &Password,
        new: &str,
        context: &CallContext,
    ) -> Result<PasswordChanged, ChangePasswordError> {
        let now = self.deps.clock.now();
        self.policy
            .require_recent_authentication(caller.authenticated_at, now)?;
        let account = self.own_account(caller).await?;
        let login = self.own_login(caller).await?;
        account.require_strongest(&login.factors)?;
        let keys = PasswordCounters::for_reauthentication(
            &*self.deps.keyed_hasher,
            (caller.subject, caller.sid),
            context.client.ip_address,
        );
        if !self.verify_password(&keys, Some(&account), current).await? {
            return Err(ChangePasswordError::InvalidCredentials);
        }
        let user = &account.user;
        let role = self.policy.second_factor.password_role(user);
        let new = NewPassword::parse(new, &user.username, role)?;
        // `current` was just verified to be the account's password.
        if new.password().expose() == current.expose() {
            return Err(PasswordRejected::Unchanged.into());
        }
        let account = self
            .replace_password(caller, account, &new, context)
            .await?;
        let account = Authenticated::by(login.factors, account);
        let of_login = with_kind(context, login.kind);
        Ok(PasswordChanged {
            login: self.start_login(&account, None, &of_login).await,
        })
    }

    async fn own_account(&self, caller: &Person) -> Result<Account, ChangePasswordError> {
        let account = self.deps.store.account(caller.subject).await?;
        account.ok_or(ChangePasswordError::InvalidCredentials)
    }

    /// Stores the new password and returns the account with its new authentication version.
    async fn replace_password(
        &self,
        caller: &Person,
        account: Account,
        new: &NewPassword,
        context: &CallContext,
    ) -> Result<Account, ChangePasswordError> {
        let hash = self.deps.hasher.hash(new.password()).await?;
        let (id, version) = (account.user.id, account.authentication_version);
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let subject = AuditSubject::caller(caller);
        let events = [audit.event(context, AuditKind::PasswordChanged, subject)];
        let replaced = store
            .replace_password(id, version, &hash, Some(caller.sid), now, &events)
            .await?;
        audit.committed(replaced.is_some(), &events);
        self.deps.revocations.catch_up().await;
        Ok(Account {
            authentication_version: replaced.ok_or(ChangePasswordError::InvalidCredentials)?,
            ..account
        })
    }

    async fn own_login(&self, caller: &Person) -> Result<Login, ChangePasswordError> {
        let found = self.deps.store.login(caller.sid).await?;
        let (login, _) = found.ok_or(ChangePasswordError::InvalidCredentials)?;
        Ok(login)
    }
}

/// The context with the kind of the caller's login, which the new login keeps.
fn with_kind(context: &CallContext, kind: ClientKind) -> CallContext {
    CallContext {
        client: ClientInfo {
            kind,
            ..context.client.clone()
        },
        ..context.clone()
    }
}
