//! The care of accounts, for `AdminService` and the command line.

use std::sync::Arc;

use holdfast_core::{clock::Clock, random::Random};

use crate::{
    account::{Account, NewPassword, PasswordRejected, PasswordVersion, User, Username},
    error::Fault,
    id::UserId,
    store::{Change, PasswordHasher, RevocationMemory, StoreError, Users},
};

/// Why an account was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateAccountError {
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// Another account has the name.
    #[error("another account has this username")]
    NameTaken,
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why an account was not found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeAccountError {
    /// There is no such account.
    #[error("there is no such account")]
    NotFound,
    /// The password breaks a rule.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for CreateAccountError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<StoreError> for ChangeAccountError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// An account that is disabled or enabled now.
#[derive(Debug)]
pub struct Switched {
    /// The account.
    pub user: User,
    /// Whether it was not so before.
    pub is_new: bool,
}

/// Creates, finds and changes accounts.
#[derive(Clone)]
pub struct Accounts {
    users: Arc<dyn Users>,
    revocations: Arc<dyn RevocationMemory>,
    hasher: Arc<dyn PasswordHasher>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Accounts {
    /// Puts the parts together.
    pub fn new(
        users: Arc<dyn Users>,
        revocations: Arc<dyn RevocationMemory>,
        hasher: Arc<dyn PasswordHasher>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            users,
            revocations,
            hasher,
            clock,
            random,
        }
    }

    /// Creates an account.
    pub async fn create(
        &self,
        username: Username,
        password: &str,
        admin: bool,
    ) -> Result<User, CreateAccountError> {
        let password = NewPassword::parse(password, &username)?;
        let password_hash = self
            .hasher
            .hash(password.password())
            .await
            .map_err(Fault::from)?;
        let now = self.clock.now();
        let user = User {
            id: UserId::random(&*self.random),
            username,
            admin,
            disabled: false,
            created_at: now,
            password_changed_at: now,
        };
        let account = Account {
            user,
            password_hash,
            password_version: PasswordVersion(1),
        };
        if self.users.insert_user(&account).await? {
            Ok(account.user)
        } else {
            Err(CreateAccountError::NameTaken)
        }
    }

    /// Finds an account by its identifier.
    pub async fn by_id(&self, id: UserId) -> Result<User, ChangeAccountError> {
        Ok(self.account(id).await?.user)
    }

    /// Finds an account by its name.
    pub async fn by_name(&self, username: &Username) -> Result<User, ChangeAccountError> {
        let account = self.users.account_by_name(username).await?;
        Ok(account.ok_or(ChangeAccountError::NotFound)?.user)
    }

    /// The accounts after `after` in the order of names, at most `limit`.
    pub async fn list(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, Fault> {
        Ok(self.users.users_after(after, limit).await?)
    }

    /// Refuses further sign-ins and ends all logins.
    pub async fn disable(&self, id: UserId) -> Result<Switched, ChangeAccountError> {
        let change = self.users.disable_user(id, self.clock.now()).await?;
        self.revocations.catch_up().await;
        self.switched(id, change).await
    }

    /// Allows sign-in again.
    pub async fn enable(&self, id: UserId) -> Result<Switched, ChangeAccountError> {
        let change = self.users.enable_user(id).await?;
        self.switched(id, change).await
    }

    async fn switched(&self, id: UserId, change: Change) -> Result<Switched, ChangeAccountError> {
        Ok(Switched {
            user: self.by_id(id).await?,
            is_new: change == Change::Made,
        })
    }

    /// Removes an account and all of its logins.
    pub async fn delete(&self, id: UserId) -> Result<(), ChangeAccountError> {
        let deleted = self.users.delete_user(id, self.clock.now()).await?;
        self.revocations.catch_up().await;
        found(deleted)
    }

    /// Sets a password without knowing the old one and ends all logins. Of two at once, the later one stays. It may not be the
    /// account's already; for that it is hashed and checked in any case.
    pub async fn set_password(&self, id: UserId, password: &str) -> Result<(), ChangeAccountError> {
        let user = self.by_id(id).await?;
        let password = NewPassword::parse(password, &user.username)?;
        let password = password.password();
        let hash = self.hasher.hash(password).await.map_err(Fault::from)?;
        loop {
            let account = self.account(id).await?;
            let current = Some(&account.password_hash);
            let checked = self.hasher.verify(password, current).await;
            if checked.map_err(Fault::from)? {
                return Err(PasswordRejected::Unchanged.into());
            }
            let (version, now) = (account.password_version, self.clock.now());
            let replaced = self
                .users
                .replace_password(id, version, &hash, None, now)
                .await?;
            if replaced.is_some() {
                self.revocations.catch_up().await;
                return Ok(());
            }
        }
    }

    async fn account(&self, id: UserId) -> Result<Account, ChangeAccountError> {
        self.users
            .account(id)
            .await?
            .ok_or(ChangeAccountError::NotFound)
    }
}

const fn found(found: bool) -> Result<(), ChangeAccountError> {
    if found {
        Ok(())
    } else {
        Err(ChangeAccountError::NotFound)
    }
}
