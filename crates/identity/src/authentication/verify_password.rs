//! Checking a password for whoever claims to own an account: the limits first, then the hash, whatever it is checked for.

use crate::{
    account::{Account, Password},
    authentication::{KNOWN_FOR, KnownLocations, LoginAttemptKeys, Throttled},
    error::Fault,
    id::UserId,
    login::ClientInfo,
    service::IdentityService,
    store::{HasherError, StoreError},
};

/// Why a password was not checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordCheckError {
    /// Too many were wrong.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for PasswordCheckError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl IdentityService {
    /// Whether it is the password of an enabled account. It is counted before it is hashed, so that of many at once no more
    /// are hashed than may be; always hashed, so that every refusal takes the same time; and forgiven when it was right. How
    /// often it was right is limited, too.
    pub(crate) async fn check_password(
        &self,
        guess: &LoginAttemptKeys,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<bool, PasswordCheckError> {
        let counters = &self.deps.counters;
        counters.count(&guess.counters()).await?;
        let hash = account.map(|account| &account.password_hash);
        match self.deps.hasher.verify(password, hash).await {
            Ok(true) if account.is_some_and(Account::is_enabled) => {
                counters.forget(&guess.own).await;
                counters.refund(&guess.shared).await;
                Ok(true)
            }
            Ok(_) => {
                counters.refund(&[guess.right]).await;
                Ok(false)
            }
            Err(error) => {
                let uncounted = match error {
                    HasherError::Overloaded { .. } => guess.counters(),
                    HasherError::Broken(_) => vec![guess.right],
                };
                counters.refund(&uncounted).await;
                Err(Fault::from(error).into())
            }
        }
    }

    /// What a sign-in counts on. The same is asked of the store for a name that nobody has.
    pub(crate) async fn guess_to_sign_in(
        &self,
        name: &str,
        account: Option<&Account>,
        client: &ClientInfo,
    ) -> Result<LoginAttemptKeys, StoreError> {
        let keyed_hasher = &*self.deps.keyed_hasher;
        let nobody = || UserId::random(&*self.deps.random);
        let user = account.map_or_else(nobody, |account| account.user.id);
        let places = KnownLocations::of(keyed_hasher, user, client);
        let since = self.deps.clock.now() - KNOWN_FOR;
        let knows = self.deps.store.knows_place(user, places, since).await?;
        Ok(LoginAttemptKeys::to_sign_in(
            keyed_hasher,
            name,
            client,
            knows,
        ))
    }
}
