//! The port that signs and verifies access tokens.

use std::sync::Arc;

use crate::{
    error::Fault,
    token::{Claims, TokenError},
};

/// Signs access tokens and verifies their signatures.
pub trait AccessTokens: Send + Sync {
    /// Returns the JWT with these claims, signed by the current key.
    fn sign(&self, claims: &Claims) -> Result<String, SigningError>;

    /// Verifies form and signature, and returns the claims. Issuer, audience and times are not checked; see [`Claims::check`].
    fn verify(&self, token: &str) -> Result<Arc<Claims>, TokenError>;
}

/// The signing key could not sign.
#[derive(Debug, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SigningError(pub String);

impl From<SigningError> for Fault {
    fn from(error: SigningError) -> Self {
        Self::Internal(error.to_string())
    }
}
