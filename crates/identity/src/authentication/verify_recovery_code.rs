//! Verification of a recovery code in place of a password: the first step of a sign-in to an account without one.

use crate::{
    account::Account,
    audit::{AuditKind, AuditSubject},
    authentication::{AuthenticationService, Factor, PasswordCounters, RecoveryCode, SignInError},
    call_context::CallContext,
    id::UserId,
    observer::{FactorOutcome, RateLimited},
    store::Change,
};

impl AuthenticationService {
    /// Uses up a recovery code of an account without a password, and returns the account. Whatever the username, the same work is done and
    /// the same refusal returned; attempts are counted as those of passwords are. A refusal is recorded.
    pub(super) async fn verify_recovery_code_alone(
        &self,
        username: &str,
        code: &RecoveryCode,
        context: &CallContext,
    ) -> Result<Account, SignInError> {
        let account = self.find_account(username).await?;
        let id = account.as_ref().map(|account| account.user.id);
        let keys = self.sign_in_keys(username, account.as_ref(), &context.client);
        let keys = keys.await?;
        let result = self.use_code_alone(account, (&keys, code), context).await;
        let outcome = match &result {
            Ok(_) => FactorOutcome::Verified,
            Err(SignInError::Throttled(_)) => FactorOutcome::Throttled,
            Err(SignInError::Fault(_)) => FactorOutcome::Failed,
            Err(_) => FactorOutcome::Refused,
        };
        self.deps
            .observer
            .authenticated(Factor::RecoveryCode, outcome);
        if let Err(error) = &result {
            self.record_refusal(error, id, context);
        }
        result
    }

    /// The attempt is counted before the code is looked up, so that concurrent attempts do not exceed the limit; a success is refunded.
    async fn use_code_alone(
        &self,
        account: Option<Account>,
        (keys, code): (&PasswordCounters, &RecoveryCode),
        context: &CallContext,
    ) -> Result<Account, SignInError> {
        let (counters, all) = (&self.deps.counters, keys.counters());
        let counted = self.deps.count(RateLimited::Code, &all).await?;
        let account = account.filter(|account| account.is_enabled() && account.is_passwordless());
        // The codes of no account: the store does the same.
        let no_account = || UserId::random(&*self.deps.random);
        let user = account
            .as_ref()
            .map_or_else(no_account, |account| account.user.id);
        let hash = code.hash(&*self.deps.keyed_hasher, user);
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let subject = AuditSubject::user(user);
        let events = [audit.event(context, AuditKind::RecoveryCodeUsed, subject)];
        let change = match store.use_recovery_code(user, hash, now, &events).await {
            Ok(change) => change,
            Err(error) => {
                counters.refund(&[keys.successes], counted).await;
                return Err(error.into());
            }
        };
        audit.committed(change == Change::Applied, &events);
        let Some(account) = account.filter(|_| change == Change::Applied) else {
            counters.refund(&[keys.successes], counted).await;
            return Err(SignInError::WrongRecoveryCode);
        };
        counters.reset(&keys.failures_here, counted).await;
        counters.refund(&keys.failures_shared, counted).await;
        Ok(account)
    }
}
