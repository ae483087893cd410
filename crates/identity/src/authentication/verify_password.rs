//! Checking a password for whoever claims to own an account: the limits first, then the hash, whatever it is checked for.

use super::Authority;
use crate::domain::{
    error::Fault,
    id::UserId,
    login::Client,
    password::Password,
    ports::{HasherError, StoreError},
    throttle::{Guess, KNOWN_FOR, Places, Throttled},
    user::Account,
};

/// Why a password was not checked.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotChecked {
    /// Too many were wrong.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// It could not be done now.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for NotChecked {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl Authority {
    /// Whether it is the password of an enabled account. It is counted before it is hashed, so that of many at once no more
    /// are hashed than may be; always hashed, so that every refusal takes the same time; and forgiven when it was right. How
    /// often it was right is limited, too.
    pub(super) async fn check_password(
        &self,
        guess: &Guess,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<bool, NotChecked> {
        let counters = &self.parts.counters;
        counters.count(&guess.counters()).await?;
        let hash = account.map(|account| &account.password_hash);
        match self.parts.hasher.verify(password, hash).await {
            Ok(true) if account.is_some_and(Account::is_enabled) => {
                counters.forget(&guess.own).await;
                counters.take_back(&guess.shared).await;
                Ok(true)
            }
            Ok(_) => {
                counters.take_back(&[guess.right]).await;
                Ok(false)
            }
            Err(error) => {
                let uncounted = match error {
                    HasherError::Overloaded { .. } => guess.counters(),
                    HasherError::Broken(_) => vec![guess.right],
                };
                counters.take_back(&uncounted).await;
                Err(Fault::from(error).into())
            }
        }
    }

    /// What a sign-in counts on. The same is asked of the store for a name that nobody has.
    pub(super) async fn guess_to_sign_in(
        &self,
        name: &str,
        account: Option<&Account>,
        client: &Client,
    ) -> Result<Guess, StoreError> {
        let blinding = &*self.parts.blinding;
        let nobody = || UserId::random(&*self.parts.random);
        let user = account.map_or_else(nobody, |account| account.user.id);
        let places = Places::of(blinding, user, client);
        let since = self.parts.clock.now() - KNOWN_FOR;
        let knows = self.parts.store.knows_place(user, places, since).await?;
        Ok(Guess::to_sign_in(blinding, name, client, knows))
    }
}
