//! Verification of a one-time code or recovery code after the password: rate limits first, then the code, for every purpose.

use crate::{
    account::{Account, CredentialChange, CredentialKind, NewCredential},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, AuthenticationStep, Factor, KNOWN_LOCATION_TTL, KnownLocations,
        ReauthenticateError, RecoveryCode, SignInError, Throttled, TotpCode, TotpSecret,
        VerifiedFactors, code_counters::CodeCounters, totp::matching_step,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::CredentialId,
    login::ClientInfo,
    observer::{FactorOutcome, RateLimited},
    store::Change,
};

/// A code that is presented after the password.
pub(super) enum PresentedCode {
    /// A time-based one-time password.
    Totp(TotpCode),
    /// A recovery code.
    RecoveryCode(RecoveryCode),
    /// The first code of this secret, which is set up.
    Enrolment(TotpCode, TotpSecret),
}

impl PresentedCode {
    /// The code of a step; `None` if the step is another one, or may not follow these factors.
    pub(super) fn of(step: AuthenticationStep, verified: &VerifiedFactors) -> Option<Self> {
        match (step, &verified.enrolment) {
            (AuthenticationStep::Totp(code), None) => Some(Self::Totp(code)),
            (AuthenticationStep::RecoveryCode(code), None) => Some(Self::RecoveryCode(code)),
            (AuthenticationStep::EnrolTotp(code), Some(secret)) => {
                Some(Self::Enrolment(code, secret.clone()))
            }
            _ => None,
        }
    }

    /// The factor that it proves.
    pub(super) const fn factor(&self) -> Factor {
        match self {
            Self::Totp(_) | Self::Enrolment(..) => Factor::Totp,
            Self::RecoveryCode(_) => Factor::RecoveryCode,
        }
    }
}

/// Why a code was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum CodeError {
    /// It is wrong, or the account was disabled or its credentials changed since the password was verified.
    #[error("the code is wrong")]
    Wrong,
    /// It was right, and was used before.
    #[error("the code was used before")]
    UsedBefore,
    /// A rate limit refuses further codes for now.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(CodeError: StoreError);

impl From<CodeError> for SignInError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Wrong | CodeError::UsedBefore => Self::WrongCode,
            CodeError::Throttled(throttled) => Self::Throttled(throttled),
            CodeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<CodeError> for ReauthenticateError {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Wrong | CodeError::UsedBefore => Self::WrongCode,
            CodeError::Throttled(throttled) => Self::Throttled(throttled),
            CodeError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl CodeError {
    const fn audit_kind(&self) -> Option<AuditKind> {
        match self {
            Self::Wrong | Self::UsedBefore => Some(AuditKind::SecondFactorRefused),
            Self::Throttled(throttled) if throttled.is_first => {
                Some(AuditKind::SecondFactorThrottled)
            }
            Self::Throttled(_) | Self::Fault(_) => None,
        }
    }
}

impl AuthenticationService {
    /// Verifies a code of the account whose password was verified, and returns the account. The code is counted before it is verified, so
    /// that concurrent ones do not exceed the limit; a right one is refunded. A refusal is recorded about `subject`.
    pub(super) async fn verify_code(
        &self,
        verified: &VerifiedFactors,
        code: PresentedCode,
        counters: &CodeCounters,
        (subject, context): (AuditSubject, &CallContext),
    ) -> Result<Account, CodeError> {
        let factor = code.factor();
        let result = self
            .check_code(verified, code, counters, (&subject, context))
            .await;
        let outcome = match &result {
            Ok(_) => FactorOutcome::Verified,
            Err(CodeError::Wrong | CodeError::UsedBefore) => FactorOutcome::Refused,
            Err(CodeError::Throttled(_)) => FactorOutcome::Throttled,
            Err(CodeError::Fault(_)) => FactorOutcome::Failed,
        };
        self.deps.observer.authenticated(factor, outcome);
        if let Some(kind) = result.as_ref().err().and_then(CodeError::audit_kind) {
            self.deps.audit.record(context, kind, subject);
        }
        result
    }

    async fn check_code(
        &self,
        verified: &VerifiedFactors,
        code: PresentedCode,
        counters: &CodeCounters,
        call: (&AuditSubject, &CallContext),
    ) -> Result<Account, CodeError> {
        let counted = self.deps.count(RateLimited::Code, &counters.counters());
        counted.await?;
        let account = self.deps.store.account(verified.user).await?;
        let account = account.filter(|account| {
            account.is_enabled() && account.authentication_version == verified.version
        });
        let account = match code {
            PresentedCode::Totp(code) => self.check_totp(verified, account, code).await,
            PresentedCode::RecoveryCode(code) => self.use_code(account, &code, call).await,
            PresentedCode::Enrolment(code, secret) => {
                self.check_first_code(account, (code, secret), call).await
            }
        }?;
        self.deps.counters.reset(&counters.in_a_row).await;
        self.deps.counters.refund(&counters.total).await;
        Ok(account)
    }

    /// Without an account, or one without one-time codes, does the same work on a decoy.
    async fn check_totp(
        &self,
        verified: &VerifiedFactors,
        account: Option<Account>,
        code: TotpCode,
    ) -> Result<Account, CodeError> {
        let (store, codec, now) = (&self.deps.store, &*self.deps.totp, self.deps.clock.now());
        let stored = store.totp(verified.user).await?;
        let secret = match &stored {
            None => TotpSecret::random(&*self.deps.random),
            Some(stored) => {
                let owner = (verified.user, stored.id);
                let opened = codec.open(owner, &stored.sealed_secret);
                opened.ok_or_else(|| cannot_be_opened(stored.id))?
            }
        };
        let step = matching_step(codec, &secret, code, now);
        let (Some(account), Some(stored), Some(step)) = (account, stored, step) else {
            return Err(CodeError::Wrong);
        };
        if store.use_totp_step(stored.id, step, now).await? {
            Ok(account)
        } else {
            Err(CodeError::UsedBefore)
        }
    }

    async fn use_code(
        &self,
        account: Option<Account>,
        code: &RecoveryCode,
        (subject, context): (&AuditSubject, &CallContext),
    ) -> Result<Account, CodeError> {
        let account = account.ok_or(CodeError::Wrong)?;
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let hash = code.hash(&*self.deps.keyed_hasher, account.user.id);
        let events = [audit.event(context, AuditKind::RecoveryCodeUsed, subject.clone())];
        let used = store
            .use_recovery_code(account.user.id, hash, now, &events)
            .await?;
        audit.committed(used == Change::Applied, &events);
        match used {
            Change::Applied => Ok(account),
            Change::AlreadyApplied => Err(CodeError::UsedBefore),
            Change::NotFound => Err(CodeError::Wrong),
        }
    }

    /// Adds one-time codes with this secret to the account, if it has this code.
    async fn check_first_code(
        &self,
        account: Option<Account>,
        (code, secret): (TotpCode, TotpSecret),
        (subject, context): (&AuditSubject, &CallContext),
    ) -> Result<Account, CodeError> {
        let new = self.new_totp(account.as_ref(), &secret, code);
        let (Some(account), Some(new)) = (account, new) else {
            return Err(CodeError::Wrong);
        };
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let events = [audit.event(context, AuditKind::TotpAdded, subject.clone())];
        let change = CredentialChange {
            user: account.user.id,
            from: account.authentication_version,
            by: subject.sid,
            removed: &[],
            added: &[new],
            ends: None,
            now: self.deps.clock.now(),
        };
        let changed = store.change_credentials(&change, &events).await?;
        audit.committed(changed.is_some(), &events);
        Ok(Account {
            authentication_version: changed.ok_or(CodeError::Wrong)?,
            credentials: account.credentials.with(CredentialKind::Totp),
            ..account
        })
    }

    /// The credential of one-time codes with this secret, if `code` is one of them. That code counts as used.
    pub(super) fn new_totp(
        &self,
        account: Option<&Account>,
        secret: &TotpSecret,
        code: TotpCode,
    ) -> Option<NewCredential> {
        let codec = &*self.deps.totp;
        let step = matching_step(codec, secret, code, self.deps.clock.now())?;
        let id = CredentialId::random(&*self.deps.random);
        Some(NewCredential {
            id,
            kind: CredentialKind::Totp,
            label: String::new(),
            data: codec.seal((account?.user.id, id), secret),
            used_step: Some(step),
        })
    }

    /// Returns the counters of a code at a sign-in.
    pub(super) async fn sign_in_code_counters(
        &self,
        verified: &VerifiedFactors,
        client: &ClientInfo,
    ) -> Result<CodeCounters, StoreError> {
        let (user, keyed_hasher) = (verified.user, &*self.deps.keyed_hasher);
        let locations = KnownLocations::of(keyed_hasher, user, client);
        let since = self.deps.clock.now() - KNOWN_LOCATION_TTL;
        let trust = self.deps.store.location_trust(user, locations, since);
        let account = (user, verified.version);
        let trust = trust.await?;
        Ok(CodeCounters::for_sign_in(
            keyed_hasher,
            account,
            client,
            trust,
        ))
    }
}

fn cannot_be_opened(id: CredentialId) -> Fault {
    Fault::Internal(format!(
        "the secret of the credential {id} cannot be opened; AUTH_KEY_ENCRYPTION_KEY must be the key that it was sealed with"
    ))
}
