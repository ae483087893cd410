//! Changes of the factors of an account by its owner.

use crate::{
    account::{
        Account, CredentialChange, CredentialKind, CredentialRecord, HasherError, NewCredential,
        PasswordRejected,
    },
    audit::{AuditKind, AuditSubject},
    authentication::{
        Attempt, AttemptPurpose, AuthenticationService, Factors, InvalidAttempt, NextStep,
        NextSteps, RECOVERY_CODES, RecoveryCode, StepUpRequired, TotpCode, TotpEnrolmentAttempt,
    },
    call_context::CallContext,
    error::{Fault, StoreError, fault_from},
    id::CredentialId,
    login::EndReason,
    token::Person,
};

/// Why a factor was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeFactorError {
    /// The code is not one of the secret that is set up.
    #[error("the code is wrong; check that the clock of the device is right")]
    WrongCode,
    /// The attempt is none of this login, has expired, or the account's credentials changed since it began.
    #[error(transparent)]
    InvalidAttempt(#[from] InvalidAttempt),
    /// The account has no such factor.
    #[error("there is no such factor")]
    NotFound,
    /// The account has no second factor that recovery codes could stand in for.
    #[error("set up a second factor first")]
    NotEnrolled,
    /// The response of the browser to the registration of a passkey is refused.
    #[error("the passkey is not accepted; start again")]
    PasskeyRejected,
    /// The account has the maximum number of passkeys.
    #[error("the account has too many passkeys; remove one first")]
    TooMany,
    /// This installation uses no passkeys.
    #[error("passkeys are not used here")]
    PasskeysOff,
    /// It is the last second factor of an account that must have one.
    #[error("the account must have a second factor; add another one first")]
    Required,
    /// Without it, an account without a password would be left with fewer passkeys and recovery codes than it needs.
    #[error(
        "an account without a password needs two passkeys that sign in alone, or one and recovery codes"
    )]
    PasswordlessNeeds,
    /// The new password does not satisfy a rule.
    #[error(transparent)]
    Password(#[from] PasswordRejected),
    /// The login has ended, or the account's credentials were changed at the same time.
    #[error("the login has ended, or the account was changed at the same time")]
    Conflict,
    /// The caller must reauthenticate first, with the strongest factors of the account.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(ChangeFactorError: StoreError, HasherError);

/// What a change does, apart from who makes it.
pub(super) struct FactorChange<'a> {
    pub(super) kind: AuditKind,
    pub(super) removed: &'a [CredentialId],
    pub(super) added: &'a [NewCredential],
    pub(super) ends_other_logins: bool,
}

impl AuthenticationService {
    /// Begins to set up one-time codes; nothing is stored. Requires a recent authentication with the strongest factors of the account.
    pub async fn start_totp_enrolment(
        &self,
        caller: &Person,
    ) -> Result<NextSteps, ChangeFactorError> {
        let account = self.changeable_account(caller).await?;
        let set_up = self.totp_set_up(&account);
        let purpose = AttemptPurpose::TotpEnrolment(TotpEnrolmentAttempt {
            sid: caller.sid,
            version: account.authentication_version,
            secret: set_up.secret.clone(),
        });
        Ok(self.begin(purpose, vec![NextStep::EnrolTotp(set_up)]))
    }

    /// Adds one-time codes to the account, given the first one. They replace those from before, and with them the caller's other logins end.
    pub async fn confirm_totp_enrolment(
        &self,
        caller: &Person,
        attempt: &str,
        code: TotpCode,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        let Attempt {
            purpose: AttemptPurpose::TotpEnrolment(attempt),
            ..
        } = self.open_attempt(attempt)?
        else {
            return Err(InvalidAttempt.into());
        };
        let account = self.changeable_account(caller).await?;
        if attempt.sid != caller.sid || attempt.version != account.authentication_version {
            return Err(InvalidAttempt.into());
        }
        let new = self.new_totp(Some(&account), &attempt.secret, code);
        let new = new.ok_or(ChangeFactorError::WrongCode)?;
        let replaced = self.deps.store.totp(caller.subject).await?;
        let replaced: Vec<_> = replaced.into_iter().map(|totp| totp.id).collect();
        let change = FactorChange {
            kind: AuditKind::TotpAdded,
            removed: &replaced,
            added: &[new],
            ends_other_logins: !replaced.is_empty(),
        };
        self.change_factors(caller, &account, change, context).await
    }

    /// Removes a factor, and ends the caller's other logins. With the last second factor, recovery codes are removed.
    pub async fn remove_factor(
        &self,
        caller: &Person,
        id: CredentialId,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        let account = self.changeable_account(caller).await?;
        let credentials = self.deps.store.credentials(caller.subject).await?;
        let is_second = |one: &&CredentialRecord| one.kind.is_second_factor();
        let mut found = credentials.iter().filter(is_second);
        let removed = found.find(|one| one.id == id);
        let removed = removed.ok_or(ChangeFactorError::NotFound)?;
        let is_last = credentials.iter().filter(is_second).count() == 1;
        if is_last && self.policy.second_factor.requires(&account.user) {
            return Err(ChangeFactorError::Required);
        }
        // One-time codes are of no use for it.
        if account.is_passwordless() && removed.kind == CredentialKind::Passkey {
            let left = self.left_without(&account, &credentials, removed.id);
            left.await?.require_enough()?;
        }
        let mut ids = vec![removed.id];
        if is_last {
            ids.extend(recovery_codes(&credentials));
        }
        let change = FactorChange {
            kind: match removed.kind {
                CredentialKind::Passkey => AuditKind::PasskeyRemoved,
                _ => AuditKind::TotpRemoved,
            },
            removed: &ids,
            added: &[],
            ends_other_logins: true,
        };
        self.change_factors(caller, &account, change, context).await
    }

    /// Returns new recovery codes, which cannot be read again later. They replace those from before.
    pub async fn create_recovery_codes(
        &self,
        caller: &Person,
        context: &CallContext,
    ) -> Result<Vec<RecoveryCode>, ChangeFactorError> {
        let account = self.changeable_account(caller).await?;
        if !account.credentials.has_second_factor() {
            return Err(ChangeFactorError::NotEnrolled);
        }
        let credentials = self.deps.store.credentials(caller.subject).await?;
        let replaced: Vec<_> = recovery_codes(&credentials).collect();
        let random = &*self.deps.random;
        let codes: Vec<_> = (0..RECOVERY_CODES)
            .map(|_| RecoveryCode::random(random))
            .collect();
        let added: Vec<_> = codes
            .iter()
            .map(|code| NewCredential {
                id: CredentialId::random(random),
                kind: CredentialKind::RecoveryCode,
                label: String::new(),
                data: code
                    .hash(&*self.deps.keyed_hasher, caller.subject)
                    .0
                    .to_vec(),
                used_step: None,
                passkey: None,
            })
            .collect();
        let change = FactorChange {
            kind: AuditKind::RecoveryCodesCreated,
            removed: &replaced,
            added: &added,
            ends_other_logins: false,
        };
        self.change_factors(caller, &account, change, context)
            .await?;
        Ok(codes)
    }

    /// The caller's account, if the latest authentication of the login is recent, and as strong as the account can have it.
    pub(super) async fn changeable_account(
        &self,
        caller: &Person,
    ) -> Result<Account, ChangeFactorError> {
        let (account, _) = self.changeable_account_by(caller).await?;
        Ok(account)
    }

    /// The same, with the factors of that authentication.
    pub(super) async fn changeable_account_by(
        &self,
        caller: &Person,
    ) -> Result<(Account, Factors), ChangeFactorError> {
        let now = self.deps.clock.now();
        self.policy
            .require_recent_authentication(caller.authenticated_at, now)?;
        let store = &self.deps.store;
        let login = store.login(caller.sid).await?;
        let login = login.filter(|(login, _)| login.is_live(now));
        let account = store.account(caller.subject).await?;
        let account = account.filter(Account::is_enabled);
        let (Some((login, _)), Some(account)) = (login, account) else {
            return Err(ChangeFactorError::Conflict);
        };
        account.require_strongest(&login.factors)?;
        Ok((account, login.factors))
    }

    pub(super) async fn change_factors(
        &self,
        caller: &Person,
        account: &Account,
        change: FactorChange<'_>,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let events = [audit.event(context, change.kind, AuditSubject::caller(caller))];
        let ends = change.ends_other_logins;
        let change = CredentialChange {
            user: caller.subject,
            from: account.authentication_version,
            by: Some(caller.sid),
            removed: change.removed,
            added: change.added,
            ends: ends.then_some(EndReason::FactorsChanged),
            now: self.deps.clock.now(),
        };
        let changed = store.change_credentials(&change, &events).await?;
        audit.committed(changed.is_some(), &events);
        if ends {
            self.deps.revocations.catch_up().await;
        }
        changed.map(drop).ok_or(ChangeFactorError::Conflict)
    }
}

fn recovery_codes(credentials: &[CredentialRecord]) -> impl Iterator<Item = CredentialId> {
    let codes = credentials
        .iter()
        .filter(|one| one.kind == CredentialKind::RecoveryCode);
    codes.map(|one| one.id)
}
