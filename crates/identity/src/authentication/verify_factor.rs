//! Verification of a factor after the password: rate limits first, then the factor, for every purpose.

use crate::{
    account::{Account, CredentialChange, CredentialKind, NewCredential},
    audit::{AuditKind, AuditSubject},
    authentication::{
        AuthenticationService, AuthenticationStep, Challenge, Factor, KNOWN_LOCATION_TTL,
        KnownLocations, PasskeyRole, ReauthenticateError, RecoveryCode, SignInError, Throttled,
        TotpCode, TotpSecret, VerifiedFactors, code_counters::CodeCounters, totp::matching_step,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::CredentialId,
    login::{ClientInfo, EndReason},
    observer::{FactorOutcome, RateLimited},
    store::Change,
};

/// What is presented for a factor after the password.
pub(super) enum PresentedFactor {
    /// A time-based one-time password.
    Totp(TotpCode),
    /// A recovery code.
    RecoveryCode(RecoveryCode),
    /// A passkey, by its response to this challenge.
    Passkey(String, Challenge),
    /// The first code of this secret, which is set up.
    TotpEnrolment(TotpCode, TotpSecret),
    /// A passkey that is registered, by its response to this challenge.
    PasskeyRegistration(String, Challenge),
    /// The same after a recovery code alone, in place of the passkeys that the owner lost.
    PasskeyReplacement(String, Challenge),
}

impl PresentedFactor {
    /// The factor of a step; `None` if the step is the password, or may not follow these factors.
    pub(super) fn of(step: AuthenticationStep, verified: &VerifiedFactors) -> Option<Self> {
        let challenge = || verified.challenge.clone();
        if verified.factors.is_recovery_code_alone() {
            return match step {
                AuthenticationStep::EnrolPasskey(response) => {
                    Some(Self::PasskeyReplacement(response, challenge()?))
                }
                _ => None,
            };
        }
        match (step, &verified.enrolment) {
            (AuthenticationStep::Totp(code), None) => Some(Self::Totp(code)),
            (AuthenticationStep::RecoveryCode(code), None) => Some(Self::RecoveryCode(code)),
            (AuthenticationStep::Passkey(response), None) => {
                Some(Self::Passkey(response, challenge()?))
            }
            (AuthenticationStep::EnrolTotp(code), Some(secret)) => {
                Some(Self::TotpEnrolment(code, secret.clone()))
            }
            (AuthenticationStep::EnrolPasskey(response), Some(_)) => {
                Some(Self::PasskeyRegistration(response, challenge()?))
            }
            _ => None,
        }
    }

    /// The factor that it is counted as, whether it is right or not.
    const fn factor(&self) -> Factor {
        match self {
            Self::Totp(_) | Self::TotpEnrolment(..) => Factor::Totp,
            Self::RecoveryCode(_) => Factor::RecoveryCode,
            Self::Passkey(..) | Self::PasskeyRegistration(..) | Self::PasskeyReplacement(..) => {
                Factor::SyncedPasskey
            }
        }
    }
}

/// Why a factor was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum FactorError {
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

fault_from!(FactorError: StoreError);

impl From<FactorError> for SignInError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Wrong | FactorError::UsedBefore => Self::WrongFactor,
            FactorError::Throttled(throttled) => Self::Throttled(throttled),
            FactorError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<FactorError> for ReauthenticateError {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Wrong | FactorError::UsedBefore => Self::WrongFactor,
            FactorError::Throttled(throttled) => Self::Throttled(throttled),
            FactorError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl FactorError {
    pub(super) const fn audit_kind(&self) -> Option<AuditKind> {
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
    /// Verifies a factor of the account whose password was verified, and returns the account. It is counted before it is verified, so
    /// that concurrent ones do not exceed the limit; a right one is refunded. A refusal is recorded about `subject`.
    pub(super) async fn verify_factor(
        &self,
        verified: &VerifiedFactors,
        code: PresentedFactor,
        counters: &CodeCounters,
        (subject, context): (AuditSubject, &CallContext),
    ) -> Result<(Account, Factor), FactorError> {
        let factor = code.factor();
        let result = self
            .check_factor(verified, code, counters, (&subject, context))
            .await;
        let outcome = match &result {
            Ok(_) => FactorOutcome::Verified,
            Err(FactorError::Wrong | FactorError::UsedBefore) => FactorOutcome::Refused,
            Err(FactorError::Throttled(_)) => FactorOutcome::Throttled,
            Err(FactorError::Fault(_)) => FactorOutcome::Failed,
        };
        self.deps.observer.authenticated(factor, outcome);
        if let Some(kind) = result.as_ref().err().and_then(FactorError::audit_kind) {
            self.deps.audit.record(context, kind, subject);
        }
        result
    }

    async fn check_factor(
        &self,
        verified: &VerifiedFactors,
        code: PresentedFactor,
        counters: &CodeCounters,
        call: (&AuditSubject, &CallContext),
    ) -> Result<(Account, Factor), FactorError> {
        let all = counters.counters();
        let counted = self.deps.count(RateLimited::Code, &all).await?;
        let account = self.deps.store.account(verified.user).await?;
        let account = account.filter(|account| {
            account.is_enabled() && account.authentication_version == verified.version
        });
        let factor = code.factor();
        let verified = match code {
            PresentedFactor::Totp(code) => {
                let account = self.check_totp(verified, account, code).await?;
                (account, factor)
            }
            PresentedFactor::RecoveryCode(code) => {
                (self.use_code(account, &code, call).await?, factor)
            }
            PresentedFactor::Passkey(response, challenge) => {
                let ceremonies = self.deps.passkeys.as_deref();
                let presented = ceremonies.and_then(|one| one.read_response(response));
                let presented = presented.ok_or(FactorError::Wrong)?;
                let passkey = (PasskeyRole::AfterPassword, &challenge, &presented);
                self.check_passkey(account, passkey, call).await?
            }
            PresentedFactor::TotpEnrolment(code, secret) => {
                let new = self.new_totp(account.as_ref(), &secret, code);
                (self.enrol(account, (new, None), call).await?, factor)
            }
            PresentedFactor::PasskeyRegistration(response, challenge) => {
                let registration = (&challenge, PasskeyRole::AfterPassword, response.as_str());
                self.enrol_passkey(account, (registration, None), call)
                    .await?
            }
            PresentedFactor::PasskeyReplacement(response, challenge) => {
                let registration = (&challenge, PasskeyRole::FromEmptyForm, response.as_str());
                // The logins of the lost devices end.
                let ends = Some(EndReason::FactorsChanged);
                self.enrol_passkey(account, (registration, ends), call)
                    .await?
            }
        };
        self.deps.counters.reset(&counters.in_a_row, counted).await;
        self.deps.counters.refund(&counters.total, counted).await;
        Ok(verified)
    }

    /// Without an account, or one without one-time codes, does the same work on a decoy.
    async fn check_totp(
        &self,
        verified: &VerifiedFactors,
        account: Option<Account>,
        code: TotpCode,
    ) -> Result<Account, FactorError> {
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
            return Err(FactorError::Wrong);
        };
        if store.use_totp_step(stored.id, step, now).await? {
            Ok(account)
        } else {
            Err(FactorError::UsedBefore)
        }
    }

    async fn use_code(
        &self,
        account: Option<Account>,
        code: &RecoveryCode,
        (subject, context): (&AuditSubject, &CallContext),
    ) -> Result<Account, FactorError> {
        let account = account.ok_or(FactorError::Wrong)?;
        let (store, audit, now) = (&self.deps.store, &self.deps.audit, self.deps.clock.now());
        let hash = code.hash(&*self.deps.keyed_hasher, account.user.id);
        let events = [audit.event(context, AuditKind::RecoveryCodeUsed, subject.clone())];
        let used = store
            .use_recovery_code(account.user.id, hash, now, &events)
            .await?;
        audit.committed(used == Change::Applied, &events);
        match used {
            Change::Applied => Ok(account),
            Change::AlreadyApplied => Err(FactorError::UsedBefore),
            Change::NotFound => Err(FactorError::Wrong),
        }
    }

    /// Adds the passkey of a registration, by its challenge, role and response.
    async fn enrol_passkey(
        &self,
        account: Option<Account>,
        ((challenge, role, response), ends): ((&Challenge, PasskeyRole, &str), Option<EndReason>),
        call: (&AuditSubject, &CallContext),
    ) -> Result<(Account, Factor), FactorError> {
        let passkey = self.check_registration(challenge, role, response);
        let passkey = passkey.ok_or(FactorError::Wrong)?;
        let factor = passkey.factor();
        let new = self.new_passkey(passkey, String::new());
        let account = self.enrol(account, (Some(new), ends), call).await?;
        Ok((account, factor))
    }

    /// Adds a second factor to the account that must have one, and ends its logins for this reason, if given.
    async fn enrol(
        &self,
        account: Option<Account>,
        (new, ends): (Option<NewCredential>, Option<EndReason>),
        (subject, context): (&AuditSubject, &CallContext),
    ) -> Result<Account, FactorError> {
        let (Some(account), Some(new)) = (account, new) else {
            return Err(FactorError::Wrong);
        };
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let added = new.kind;
        let kind = match added {
            CredentialKind::Passkey => AuditKind::PasskeyAdded,
            _ => AuditKind::TotpAdded,
        };
        let events = [audit.event(context, kind, subject.clone())];
        let change = CredentialChange {
            user: account.user.id,
            from: account.authentication_version,
            // A step of a sign-in, whose login starts after it.
            by: None,
            removed: &[],
            added: &[new],
            ends,
            now: self.deps.clock.now(),
        };
        let changed = store.change_credentials(&change, &events).await?;
        audit.committed(changed.is_some(), &events);
        if ends.is_some() {
            self.deps.revocations.catch_up().await;
        }
        Ok(Account {
            authentication_version: changed.ok_or(FactorError::Wrong)?,
            credentials: account.credentials.with(added),
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
            passkey: None,
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
