//! Checking a password for whoever claims to own an account: the limits first, then the hash, whatever it is checked for.

use super::Authority;
use crate::domain::{
    error::Fault,
    login::Client,
    password::Password,
    ports::{HasherError, StoreError},
    throttle::{Guess, KNOWN_FOR, Places, Throttled},
    user::Account,
};

/// A password that somebody gave.
pub(super) struct Attempt<'a> {
    /// The account's name as they gave it.
    pub(super) name: &'a str,
    /// The account of that name, if there is one.
    pub(super) account: Option<&'a Account>,
    /// The password.
    pub(super) password: &'a Password,
    /// Who asks.
    pub(super) client: &'a Client,
}

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
    /// are hashed than may be; always hashed, so that every refusal takes the same time; and forgiven when it was right.
    pub(super) async fn check_password(&self, attempt: Attempt<'_>) -> Result<bool, NotChecked> {
        let guess = self.guess(&attempt).await?;
        let (counters, now) = (&self.parts.counters, self.parts.clock.now());
        counters.count(&guess.counters(), now).await?;
        let hash = attempt.account.map(|account| &account.password_hash);
        let hasher = &self.parts.hasher;
        match hasher.verify(attempt.password, hash).await {
            Ok(true) if attempt.account.is_some_and(Account::is_enabled) => {
                counters.forget(&guess.own).await;
                counters.take_back(&guess.shared).await;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                if matches!(error, HasherError::Overloaded { .. }) {
                    counters.take_back(&guess.counters()).await;
                }
                Err(Fault::from(error).into())
            }
        }
    }

    async fn guess(&self, attempt: &Attempt<'_>) -> Result<Guess, StoreError> {
        let (blinding, client) = (&*self.parts.blinding, attempt.client);
        let is_known = match attempt.account {
            Some(account) => {
                let user = account.user.id;
                let places = Places::of(blinding, user, client);
                let since = self.parts.clock.now() - KNOWN_FOR;
                self.parts.store.knows_place(user, &places, since).await?
            }
            None => false,
        };
        Ok(Guess::new(blinding, attempt.name, client, is_known))
    }
}
