//! Creation and administration of accounts, for `AdminService` and the command line.

use std::sync::Arc;

use holdfast_core::{clock::Clock, random::Random};

use crate::{
    account::{
        Account, AuthenticationVersion, CredentialKind, HasherError, NewPassword, PasswordHasher,
        PasswordRejected, User, Username,
    },
    audit::{AuditEvent, AuditKind, AuditRecorder, AuditSubject},
    authentication::SecondFactorPolicy,
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::UserId,
    revocation::RevocationCache,
    store::{Change, Store},
};

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// The password does not satisfy a rule for new passwords.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// Another account has this username.
    #[error("another account has this username")]
    NameTaken,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an account was not returned or changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeAccountError {
    /// No account has this identifier or username.
    #[error("there is no such account")]
    NotFound,
    /// The password does not satisfy a rule for new passwords.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// The account has no password, so that its factors are all that its owner can sign in with.
    #[error(
        "the account has no password, and nobody could sign in to it without its factors; set a password first"
    )]
    Passwordless,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(CreateAccountError: StoreError, HasherError);
fault_from!(ChangeAccountError: StoreError, HasherError);

/// The result of disabling or enabling an account.
#[derive(Debug)]
pub struct StatusChange {
    /// The account in its new state.
    pub user: User,
    /// False if the account was in this state already.
    pub changed: bool,
}

/// The operations on accounts.
#[derive(Clone)]
pub struct Accounts {
    /// Accounts and their credentials.
    pub store: Arc<dyn Store>,
    /// Revocations that this instance holds in memory.
    pub revocations: Arc<dyn RevocationCache>,
    /// Hashes and verifies passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Writes audit events.
    pub audit: AuditRecorder,
    /// The system clock.
    pub clock: Arc<dyn Clock>,
    /// Source of identifiers.
    pub random: Arc<dyn Random>,
    /// Which accounts must have a second factor.
    pub second_factor: SecondFactorPolicy,
}

impl Accounts {
    /// Creates an account with a password, enabled.
    pub async fn create(
        &self,
        username: Username,
        password: &str,
        admin: bool,
        context: &CallContext,
    ) -> Result<User, CreateAccountError> {
        let now = self.clock.now();
        let user = User {
            id: UserId::random(&*self.random),
            username,
            admin,
            disabled: false,
            second_factor_required: false,
            created_at: now,
            password_changed_at: Some(now),
        };
        let password = self.new_password(password, &user)?;
        let password_hash = self.hasher.hash(password.password()).await?;
        let account = Account {
            user,
            password_hash: Some(password_hash),
            credentials: [CredentialKind::Password].into_iter().collect(),
            authentication_version: AuthenticationVersion::FIRST,
        };
        let events = [self.event(context, AuditKind::UserCreated, account.user.id)];
        let is_inserted = self.store.insert_user(&account, &events).await?;
        self.audit.committed(is_inserted, &events);
        if is_inserted {
            Ok(account.user)
        } else {
            Err(CreateAccountError::NameTaken)
        }
    }

    /// Returns the account with this identifier.
    pub async fn by_id(&self, id: UserId) -> Result<User, ChangeAccountError> {
        Ok(self.account(id).await?.user)
    }

    /// Returns the account with this username.
    pub async fn by_name(&self, username: &Username) -> Result<User, ChangeAccountError> {
        let account = self.store.account_by_name(username).await?;
        Ok(account.ok_or(ChangeAccountError::NotFound)?.user)
    }

    /// Returns at most `limit` accounts in the order of usernames, from the first one after `after`.
    pub async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, Fault> {
        Ok(self.store.users_after(after, limit).await?)
    }

    /// Disables an account: refuses further sign-ins and ends all of its logins.
    pub async fn disable(
        &self,
        id: UserId,
        context: &CallContext,
    ) -> Result<StatusChange, ChangeAccountError> {
        let now = self.clock.now();
        let events = [self.event(context, AuditKind::UserDisabled, id)];
        let change = self.store.disable_user(id, now, &events).await?;
        self.audit.committed(change == Change::Applied, &events);
        self.revocations.catch_up().await;
        self.status_change(id, change).await
    }

    /// Enables an account. Logins that were ended stay ended.
    pub async fn enable(
        &self,
        id: UserId,
        context: &CallContext,
    ) -> Result<StatusChange, ChangeAccountError> {
        let events = [self.event(context, AuditKind::UserEnabled, id)];
        let change = self.store.enable_user(id, &events).await?;
        self.audit.committed(change == Change::Applied, &events);
        self.status_change(id, change).await
    }

    fn new_password(&self, text: &str, user: &User) -> Result<NewPassword, PasswordRejected> {
        let role = self.second_factor.password_role(user);
        NewPassword::parse(text, &user.username, role)
    }

    pub(super) fn event(&self, context: &CallContext, kind: AuditKind, user: UserId) -> AuditEvent {
        self.audit.event(context, kind, AuditSubject::user(user))
    }

    pub(super) async fn status_change(
        &self,
        id: UserId,
        change: Change,
    ) -> Result<StatusChange, ChangeAccountError> {
        Ok(StatusChange {
            user: self.by_id(id).await?,
            changed: change == Change::Applied,
        })
    }

    /// Deletes an account and ends all of its logins.
    pub async fn delete(
        &self,
        id: UserId,
        context: &CallContext,
    ) -> Result<(), ChangeAccountError> {
        let events = [self.event(context, AuditKind::UserDeleted, id)];
        let now = self.clock.now();
        let deleted = self.store.delete_user(id, now, &events).await?;
        self.audit.committed(deleted, &events);
        self.revocations.catch_up().await;
        if deleted {
            Ok(())
        } else {
            Err(ChangeAccountError::NotFound)
        }
    }

    /// Sets a password without the current one and ends all logins. Of two concurrent calls, the later one prevails. The new
    /// password must differ from the current one, which costs a verification in any case.
    pub async fn set_password(
        &self,
        id: UserId,
        password: &str,
        context: &CallContext,
    ) -> Result<(), ChangeAccountError> {
        let user = self.by_id(id).await?;
        let password = self.new_password(password, &user)?;
        let password = password.password();
        let hash = self.hasher.hash(password).await?;
        loop {
            let account = self.account(id).await?;
            let current = account.password_hash.as_ref();
            if self.hasher.verify(password, current).await? {
                return Err(PasswordRejected::Unchanged.into());
            }
            let (version, now) = (account.authentication_version, self.clock.now());
            let events = [self.event(context, AuditKind::PasswordSet, id)];
            let replaced = self
                .store
                .replace_password(id, version, &hash, None, now, &events)
                .await?;
            if replaced.is_some() {
                self.audit.committed(true, &events);
                self.revocations.catch_up().await;
                return Ok(());
            }
        }
    }

    pub(super) async fn account(&self, id: UserId) -> Result<Account, ChangeAccountError> {
        self.store
            .account(id)
            .await?
            .ok_or(ChangeAccountError::NotFound)
    }
}
