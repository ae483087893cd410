//! The refusal of a sensitive operation without a recent authentication, or with one that is too weak.

use crate::{
    account::{Account, CredentialKind},
    authentication::{AssuranceLevel, Factor, Factors},
};

/// The operation requires a reauthentication (ASVS 7.5.3, RFC 9470).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "reauthenticate with AccountService.Reauthenticate, and call again with a new access token"
)]
pub struct StepUpRequired;

impl Account {
    /// Returns the greatest strength of an authentication with the credentials of the account.
    #[must_use]
    pub fn strongest_level(&self) -> AssuranceLevel {
        if self.credentials.contains(CredentialKind::Passkey) {
            AssuranceLevel::PhishingResistant
        } else if self.credentials.has_second_factor() {
            AssuranceLevel::Aal2
        } else {
            AssuranceLevel::Aal1
        }
    }

    /// Requires that the latest authentication, by these factors, was as strong as the account can have it. A recovery code is sufficient: it
    /// is what the owner has left who lost the strongest factor.
    pub(crate) fn require_strongest(&self, factors: &Factors) -> Result<(), StepUpRequired> {
        let is_strongest = factors.level() >= Some(self.strongest_level());
        if is_strongest || factors.contains(Factor::RecoveryCode) {
            Ok(())
        } else {
            Err(StepUpRequired)
        }
    }
}
