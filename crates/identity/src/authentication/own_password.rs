//! Removal of the password by the account's owner, and a new one for an account without.

use crate::{
    account::{Account, CredentialKind, CredentialRecord, NewCredential, NewPassword},
    audit::AuditKind,
    authentication::{
        AssuranceLevel, AuthenticationService, ChangeFactorError, StepUpRequired,
        own_factors::FactorChange,
    },
    call_context::CallContext,
    error::StoreError,
    id::CredentialId,
    token::Person,
};

/// Number of passkeys with which an account needs neither a password nor recovery codes.
const ENOUGH_PASSKEYS: usize = 2;

/// What the owner of an account can sign in with, without a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PasswordlessFactors {
    /// Number of passkeys that sign in alone.
    passkeys: usize,
    /// Whether there are recovery codes that were not used.
    has_recovery_codes: bool,
}

impl PasswordlessFactors {
    /// Whether they are enough: two passkeys, or one and recovery codes, so that the loss of one device locks nobody out.
    pub(super) const fn is_enough(self) -> bool {
        self.passkeys >= ENOUGH_PASSKEYS || (self.passkeys == 1 && self.has_recovery_codes)
    }

    /// Requires that they are enough.
    pub(super) fn require_enough(self) -> Result<(), ChangeFactorError> {
        if self.is_enough() {
            Ok(())
        } else {
            Err(ChangeFactorError::PasswordlessNeeds)
        }
    }
}

impl AuthenticationService {
    /// What is left to sign in with without a password, once this credential is removed.
    pub(super) async fn left_without(
        &self,
        account: &Account,
        credentials: &[CredentialRecord],
        removed: CredentialId,
    ) -> Result<PasswordlessFactors, StoreError> {
        let passkeys = if account.credentials.contains(CredentialKind::Passkey) {
            self.deps.store.passkeys(account.user.id).await?
        } else {
            Vec::new()
        };
        let is_left = |id: CredentialId| id != removed;
        let passkeys = passkeys
            .iter()
            .filter(|passkey| passkey.signs_in_alone() && is_left(passkey.id));
        let is_code = |one: &CredentialRecord| one.kind == CredentialKind::RecoveryCode;
        Ok(PasswordlessFactors {
            passkeys: passkeys.count(),
            has_recovery_codes: credentials
                .iter()
                .any(|one| is_code(one) && !one.is_used_up()),
        })
    }

    /// Removes the password, and ends the caller's other logins. Requires a recent authentication by a passkey, and enough of other
    /// credentials: two passkeys that sign in alone, or one and recovery codes.
    pub async fn remove_password(
        &self,
        caller: &Person,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        if self.deps.passkeys.is_none() {
            return Err(ChangeFactorError::PasskeysOff);
        }
        let (account, factors) = self.changeable_account_by(caller).await?;
        if account.is_passwordless() {
            return Err(ChangeFactorError::NotFound);
        }
        let credentials = self.deps.store.credentials(caller.subject).await?;
        let password = CredentialId::password_of(caller.subject);
        let left = self.left_without(&account, &credentials, password).await?;
        left.require_enough()?;
        // A recovery code is not sufficient: the passkeys may be what was lost.
        if factors.level() < Some(AssuranceLevel::PhishingResistant) {
            return Err(StepUpRequired.into());
        }
        let change = FactorChange {
            kind: AuditKind::PasswordRemoved,
            removed: &[password],
            added: &[],
            ends_other_logins: true,
        };
        self.change_factors(caller, &account, change, context).await
    }

    /// Sets the password of an account that has none. Requires a recent authentication with the strongest factors. No login ends.
    pub async fn add_password(
        &self,
        caller: &Person,
        new: &str,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        let account = self.changeable_account(caller).await?;
        if !account.is_passwordless() {
            return Err(ChangeFactorError::Conflict);
        }
        let user = &account.user;
        let role = self.policy.second_factor.password_role(user);
        let new = NewPassword::parse(new, &user.username, role)?;
        let hash = self.deps.hasher.hash(new.password()).await?;
        let password = NewCredential {
            id: CredentialId::password_of(caller.subject),
            kind: CredentialKind::Password,
            label: String::new(),
            data: hash.as_phc().as_bytes().to_vec(),
            used_step: None,
            passkey: None,
        };
        let change = FactorChange {
            kind: AuditKind::PasswordAdded,
            removed: &[],
            added: &[password],
            ends_other_logins: false,
        };
        self.change_factors(caller, &account, change, context).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_passkeys_or_one_and_codes_are_enough() {
        for (passkeys, has_recovery_codes, is_enough) in [
            (0, true, false),
            (1, false, false),
            (1, true, true),
            (2, false, true),
            (3, true, true),
        ] {
            let factors = PasswordlessFactors {
                passkeys,
                has_recovery_codes,
            };
            assert_eq!(factors.is_enough(), is_enough, "{factors:?}");
        }
    }
}
