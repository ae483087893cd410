//! Verification of a passkey: alone, or after the password.

use std::time::Duration;

use crate::{
    account::{Account, Username},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, Challenge, Counter, Factor, KeyedHasher, Limit, NewPasskey,
        PasskeyRole, PresentedPasskey, SignInError, verify_factor::FactorError,
    },
    call_context::CallContext,
    id::UserId,
    observer::FactorOutcome,
};

impl AuthenticationService {
    /// Verifies the passkey of a sign-in in place of a password; returns the account that it belongs to. `username` as it was typed, which may
    /// be empty: otherwise it must be the name of that account. What names no passkey is not recorded, as anyone may send it.
    pub(super) async fn verify_passkey_alone(
        &self,
        username: &str,
        (challenge, response): (&Challenge, String),
        context: &CallContext,
    ) -> Result<(Account, Factor), SignInError> {
        let ceremonies = self.deps.passkeys.as_deref();
        let presented = ceremonies.and_then(|one| one.read_response(response));
        let presented = presented.ok_or(SignInError::WrongFactor)?;
        let passkey = self.deps.store.passkey(&presented.credential_id).await?;
        let passkey = passkey.ok_or(SignInError::WrongFactor)?;
        let account = self.deps.store.account(passkey.user).await?;
        let is_named = |name: &Username| {
            username.is_empty() || username.parse().is_ok_and(|typed: Username| typed == *name)
        };
        let account = account.filter(Account::is_enabled);
        let account = account.filter(|account| is_named(&account.user.username));
        let subject = AuditSubject::user(passkey.user);
        let role = PasskeyRole::FromEmptyForm;
        let passkey = (role, challenge, &presented);
        Ok(self
            .check_passkey_alone(account, passkey, (subject, context))
            .await?)
    }

    /// Verifies a passkey of this account in place of the password. A refusal is recorded.
    pub(super) async fn check_passkey_alone(
        &self,
        account: Option<Account>,
        passkey: (PasskeyRole, &Challenge, &PresentedPasskey),
        (subject, context): (AuditSubject, &CallContext),
    ) -> Result<(Account, Factor), FactorError> {
        let verified = self
            .check_passkey(account, passkey, (&subject, context))
            .await;
        let (factor, outcome) = match &verified {
            Ok((_, factor)) => (*factor, FactorOutcome::Verified),
            Err(FactorError::Fault(_)) => (Factor::SyncedPasskey, FactorOutcome::Failed),
            Err(_) => (Factor::SyncedPasskey, FactorOutcome::Refused),
        };
        self.deps.observer.authenticated(factor, outcome);
        if let Err(error) = &verified {
            self.record_wrong_passkey(error, subject, context).await;
        }
        verified
    }

    /// Verifies a passkey of this account.
    pub(super) async fn check_passkey(
        &self,
        account: Option<Account>,
        (role, challenge, presented): (PasskeyRole, &Challenge, &PresentedPasskey),
        (subject, context): (&AuditSubject, &CallContext),
    ) -> Result<(Account, Factor), FactorError> {
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let passkey = store.passkey(&presented.credential_id).await?;
        let (Some(account), Some(passkey)) = (account, passkey) else {
            return Err(FactorError::Wrong);
        };
        let ceremonies = self.deps.passkeys.as_deref();
        let ceremonies = ceremonies.filter(|_| passkey.user == account.user.id);
        let verified =
            ceremonies.and_then(|one| one.verify_response(challenge, role, &passkey, presented));
        let verified = verified.ok_or(FactorError::Wrong)?;
        if verified.is_counter_stale {
            // A browser that sends a response twice has the same counter twice.
            if verified.sign_count == passkey.sign_count {
                return Err(FactorError::UsedBefore);
            }
            audit.record(context, AuditKind::PasskeyCounterWentBack, subject.clone());
            return Err(FactorError::Wrong);
        }
        let has_changed = verified.backed_up != passkey.backed_up;
        let kind = AuditKind::PasskeyBackupChanged;
        let event = has_changed.then(|| audit.event(context, kind, subject.clone()));
        let events: Vec<_> = event.into_iter().collect();
        let now = self.deps.clock.now();
        let is_used = store.use_passkey(&passkey, verified, now, &events).await?;
        audit.committed(is_used, &events);
        if is_used {
            Ok((account, passkey.factor()))
        } else {
            Err(FactorError::UsedBefore)
        }
    }

    /// The passkey of a registration for this role, if its response is valid.
    pub(super) fn check_registration(
        &self,
        challenge: &Challenge,
        role: PasskeyRole,
        response: &str,
    ) -> Option<NewPasskey> {
        let ceremonies = self.deps.passkeys.as_deref()?;
        ceremonies.verify_registration(challenge, role, response)
    }

    /// Records a refused passkey, a bounded number of times.
    async fn record_wrong_passkey(
        &self,
        error: &FactorError,
        subject: AuditSubject,
        context: &CallContext,
    ) {
        let Some(kind) = error.audit_kind() else {
            return;
        };
        let Some(user) = subject.user else {
            return;
        };
        let counter = refused_passkeys(&*self.deps.keyed_hasher, user);
        if self.deps.counters.count(&[counter]).await.is_ok() {
            self.deps.audit.record(context, kind, subject);
        }
    }
}

/// Refused passkeys of one account that are recorded. There is no limit of those that are verified, as they cannot be guessed.
fn refused_passkeys(keyed_hasher: &dyn KeyedHasher, user: UserId) -> Counter {
    Counter {
        name: keyed_hasher.hash(&[b"passkey", user.as_bytes()]),
        limit: Limit::Window {
            max: 20,
            length: Duration::from_mins(10),
        },
    }
}
