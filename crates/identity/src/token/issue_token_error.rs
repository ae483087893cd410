//! Reasons for which no token is issued.

use holdfast_core::replay_cache::ReplayCacheError;

use crate::{
    authentication::{StepUpRequired, Throttled},
    error::{Fault, StoreError, fault_from},
    oauth::{DpopError, InvalidClient},
    observer::TokenOutcome,
    token::SigningError,
};

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueTokenError {
    /// The text is no login ticket or refresh token of this issuer.
    #[error("the ticket or refresh token is malformed")]
    Malformed,
    /// The login ticket or refresh token has expired.
    #[error("the ticket or refresh token has expired")]
    Expired,
    /// The login has ended or expired.
    #[error("the login has ended")]
    LoginEnded,
    /// The login ticket or refresh token was used up; its grant, or its login, if that began with the grant, has been ended (RFC 9700 §4.14.2).
    #[error("the ticket or refresh token was used before; its login or grant has been ended")]
    Reused,
    /// The authorization code is not one of this issuer, has expired, or was issued to another OAuth client, for another redirect URI or for
    /// another verifier; the caller does not learn which.
    #[error("the authorization code is not valid for this request")]
    CodeInvalid,
    /// The authorization code was exchanged before; the grant of that exchange has been ended (RFC 9700 §4.5.3).
    #[error("the authorization code was used before; its grant has been ended")]
    CodeReused,
    /// The OAuth client is unknown or disabled, or its credentials are wrong.
    #[error("the client is unknown, or its authentication is invalid")]
    InvalidClient,
    /// The OAuth client may not use this grant type, or the token belongs to another one.
    #[error("the client is not authorized to do this")]
    UnauthorizedClient,
    /// The login is that of a browser, whose tokens only web-service may obtain.
    #[error("tokens of a browser login are issued to the web-service only")]
    ServiceIdentityRequired,
    /// A requested scope cannot be granted.
    #[error("a requested scope cannot be granted")]
    InvalidScope,
    /// A requested scope requires a recent authentication.
    #[error(transparent)]
    StepUpRequired(#[from] StepUpRequired),
    /// A DPoP proof is missing or not valid.
    #[error(transparent)]
    Dpop(#[from] DpopError),
    /// The grant was refreshed too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Tokens are not issued for this audience.
    #[error("the requested audience is not served here")]
    InvalidAudience,
    /// The service failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

fault_from!(IssueTokenError: StoreError, SigningError, ReplayCacheError);

impl From<InvalidClient> for IssueTokenError {
    fn from(error: InvalidClient) -> Self {
        match error {
            InvalidClient::InvalidClient => Self::InvalidClient,
            InvalidClient::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl TokenOutcome {
    /// Of a request for tokens.
    pub(super) const fn of<T>(result: &Result<T, IssueTokenError>) -> Self {
        match result {
            Ok(_) => Self::Issued,
            Err(IssueTokenError::Throttled(_)) => Self::Throttled,
            Err(IssueTokenError::Fault(_) | IssueTokenError::Dpop(DpopError::Fault(_))) => {
                Self::Failed
            }
            Err(_) => Self::Refused,
        }
    }
}
