//! The refusal of a sensitive operation without a recent authentication.

/// The operation requires a reauthentication (ASVS 7.5.3, RFC 9470).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "reauthenticate with AccountService.Reauthenticate, and call again with a new access token"
)]
pub struct StepUpRequired;
