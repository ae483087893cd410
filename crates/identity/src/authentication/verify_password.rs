//! Verification of a password: rate limits first, then the hash, for every purpose.

use crate::{
    account::{Account, HasherError, Password},
    authentication::{
        AuthenticationService, Factor, KNOWN_LOCATION_TTL, KnownLocations, PasswordCounters,
        Throttled,
    },
    error::{Fault, StoreError, fault_from},
    id::UserId,
    login::ClientInfo,
    observer::{FactorOutcome, RateLimited},
};

/// Why a password was not verified.
#[derive(Debug, thiserror::Error)]
pub(super) enum PasswordCheckError {
    /// A rate limit refuses further attempts for now.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(PasswordCheckError: HasherError);

impl AuthenticationService {
    /// Whether `password` is that of an enabled account. The attempt is counted before it is hashed, so that concurrent attempts
    /// do not exceed the limit; it is always hashed, so that every refusal takes the same time; a success is refunded. Successes
    /// are limited separately.
    pub(super) async fn verify_password(
        &self,
        keys: &PasswordCounters,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<bool, PasswordCheckError> {
        let result = self.check_password(keys, account, password).await;
        let outcome = match &result {
            Ok(true) => FactorOutcome::Verified,
            Ok(false) => FactorOutcome::Refused,
            Err(PasswordCheckError::Throttled(_)) => FactorOutcome::Throttled,
            Err(PasswordCheckError::Fault(Fault::Overloaded { .. })) => FactorOutcome::Overloaded,
            Err(PasswordCheckError::Fault(_)) => FactorOutcome::Failed,
        };
        self.deps.observer.authenticated(Factor::Password, outcome);
        result
    }

    async fn check_password(
        &self,
        keys: &PasswordCounters,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<bool, PasswordCheckError> {
        let counters = &self.deps.counters;
        let all = keys.counters();
        let counted = self.deps.count(RateLimited::Password, &all).await?;
        let hash = account.and_then(|account| account.password_hash.as_ref());
        match self.deps.hasher.verify(password, hash).await {
            Ok(true) if account.is_some_and(Account::is_enabled) => {
                counters.reset(&keys.failures_here, counted).await;
                counters.refund(&keys.failures_shared, counted).await;
                Ok(true)
            }
            Ok(_) => {
                counters.refund(&[keys.successes], counted).await;
                Ok(false)
            }
            Err(error) => {
                let refunded = match error {
                    HasherError::Overloaded { .. } => keys.counters(),
                    HasherError::Broken(_) => vec![keys.successes],
                };
                counters.refund(&refunded, counted).await;
                Err(error.into())
            }
        }
    }

    /// Returns the counters of a sign-in. The store performs the same query for an unknown username.
    pub(super) async fn sign_in_keys(
        &self,
        name: &str,
        account: Option<&Account>,
        client: &ClientInfo,
    ) -> Result<PasswordCounters, StoreError> {
        let keyed_hasher = &*self.deps.keyed_hasher;
        let no_account = || UserId::random(&*self.deps.random);
        let user = account.map_or_else(no_account, |account| account.user.id);
        let locations = KnownLocations::of(keyed_hasher, user, client);
        let since = self.deps.clock.now() - KNOWN_LOCATION_TTL;
        let store = &self.deps.store;
        let trust = store.location_trust(user, locations, since).await?;
        Ok(PasswordCounters::for_sign_in(
            keyed_hasher,
            name,
            client,
            trust,
        ))
    }
}
