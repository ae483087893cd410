//! Registration and names of passkeys by the account's owner.

use holdfast_core::blanks;

use crate::{
    account::{CredentialKind, NewCredential},
    audit::{AuditKind, AuditSubject},
    authentication::{
        Attempt, AttemptPurpose, AuthenticationService, Challenge, ChangeFactorError,
        InvalidAttempt, MAX_PASSKEYS, NewPasskey, NextStep, NextSteps, PasskeyRegistrationAttempt,
        PasskeyRole, own_factors::FactorChange,
    },
    call_context::CallContext,
    id::CredentialId,
    token::Person,
};

/// Maximum length of the name of a passkey, in code points.
const MAX_LABEL: usize = 64;

/// The name that the owner gives a passkey: up to 64 code points, without control characters and surrounding blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyLabel(String);

/// The text is no name of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has more than 64 characters, or control characters")]
pub struct InvalidPasskeyLabel;

impl PasskeyLabel {
    /// Reads a name, which may be empty.
    ///
    /// # Errors
    /// When it is too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidPasskeyLabel> {
        let text = blanks::trim(text);
        if text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
            return Err(InvalidPasskeyLabel);
        }
        Ok(Self(text.to_owned()))
    }
}

impl AuthenticationService {
    /// Begins to register a passkey; nothing is stored. Requires a recent authentication with the strongest factors of the account.
    pub async fn start_passkey_registration(
        &self,
        caller: &Person,
    ) -> Result<NextSteps, ChangeFactorError> {
        let ceremonies = self.deps.passkeys.as_deref();
        let ceremonies = ceremonies.ok_or(ChangeFactorError::PasskeysOff)?;
        let account = self.changeable_account(caller).await?;
        let existing = self.deps.store.passkeys(caller.subject).await?;
        if existing.len() >= MAX_PASSKEYS {
            return Err(ChangeFactorError::TooMany);
        }
        let challenge = Challenge::random(&*self.deps.random);
        let role = PasskeyRole::of_new(&account);
        let options = ceremonies.creation_options(&challenge, role, &account.user, &existing);
        let purpose = AttemptPurpose::PasskeyRegistration(PasskeyRegistrationAttempt {
            sid: caller.sid,
            version: account.authentication_version,
            challenge,
        });
        Ok(self.begin(purpose, vec![NextStep::EnrolPasskey(options)]))
    }

    /// Adds a passkey to the account, given the response of the browser.
    pub async fn finish_passkey_registration(
        &self,
        caller: &Person,
        (attempt, response): (&str, &str),
        label: PasskeyLabel,
        context: &CallContext,
    ) -> Result<CredentialId, ChangeFactorError> {
        let Attempt {
            purpose: AttemptPurpose::PasskeyRegistration(attempt),
            ..
        } = self.open_attempt(attempt)?
        else {
            return Err(InvalidAttempt.into());
        };
        let account = self.changeable_account(caller).await?;
        if attempt.sid != caller.sid || attempt.version != account.authentication_version {
            return Err(InvalidAttempt.into());
        }
        let role = PasskeyRole::of_new(&account);
        let passkey = self.check_registration(&attempt.challenge, role, response);
        let passkey = passkey.ok_or(ChangeFactorError::PasskeyRejected)?;
        let PasskeyLabel(label) = label;
        let new = self.new_passkey(passkey, label);
        let id = new.id;
        let change = FactorChange {
            kind: AuditKind::PasskeyAdded,
            removed: &[],
            added: &[new],
            ends_other_logins: false,
        };
        self.change_factors(caller, &account, change, context)
            .await?;
        Ok(id)
    }

    /// Gives a passkey of the caller's account another name.
    pub async fn rename_passkey(
        &self,
        caller: &Person,
        id: CredentialId,
        label: PasskeyLabel,
        context: &CallContext,
    ) -> Result<(), ChangeFactorError> {
        let passkeys = self.deps.store.passkeys(caller.subject).await?;
        if !passkeys.iter().any(|passkey| passkey.id == id) {
            return Err(ChangeFactorError::NotFound);
        }
        let (store, audit) = (&self.deps.store, &self.deps.audit);
        let subject = AuditSubject::caller(caller);
        let events = [audit.event(context, AuditKind::PasskeyRenamed, subject)];
        let renamed = store
            .rename_credential(caller.subject, id, &label.0, &events)
            .await?;
        audit.committed(renamed, &events);
        if renamed {
            Ok(())
        } else {
            Err(ChangeFactorError::NotFound)
        }
    }

    /// The credential of a passkey whose registration was verified.
    pub(super) fn new_passkey(&self, passkey: NewPasskey, label: String) -> NewCredential {
        NewCredential {
            id: CredentialId::random(&*self.deps.random),
            kind: CredentialKind::Passkey,
            label,
            data: passkey.public_key.clone(),
            used_step: None,
            passkey: Some(passkey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_is_trimmed_and_bounded() {
        let label = PasskeyLabel::parse(" phone\u{a0}").unwrap();
        assert_eq!(label, PasskeyLabel("phone".to_owned()));
        assert!(PasskeyLabel::parse(&"ü".repeat(64)).is_ok());
        for text in [&"x".repeat(65), "a\nb", "a\0"] {
            assert_eq!(PasskeyLabel::parse(text), Err(InvalidPasskeyLabel));
        }
    }
}
