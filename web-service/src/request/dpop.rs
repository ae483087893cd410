//! `DPoP` proofs in requests, and the challenges that ask for them (RFC 9449).

use axum::http::{HeaderMap, HeaderName};
use holdfast_client::{AuthError, ErrorReason, Reason};

/// The header of a proof.
pub const HEADER: HeaderName = HeaderName::from_static("dpop");

/// The proof of a request. One that is repeated, or is no text, is one that never verifies: the empty string (RFC 9449 §4.3,
/// check 1).
#[must_use]
pub fn proof(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(HEADER).into_iter();
    let value = values.next()?;
    let text = value.to_str().unwrap_or_default();
    let is_only = values.next().is_none();
    Some(if is_only { text } else { "" }.to_owned())
}

/// A `WWW-Authenticate` value with the algorithms of proofs.
macro_rules! challenge {
    ($error:literal) => {
        concat!(
            r#"DPoP realm="holdfast", algs="ES256 EdDSA", error=""#,
            $error,
            "\""
        )
    };
}

/// What `WWW-Authenticate` says about a proof, or about the token that came with it (RFC 9449 §7.1, §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopChallenge {
    /// The proof is missing or invalid.
    InvalidProof,
    /// The proof has to contain the nonce in `DPoP-Nonce`.
    UseNonce,
    /// The token is invalid.
    InvalidToken,
}

impl DpopChallenge {
    /// The challenge for a refusal with this reason; `None` where it is not about a proof.
    #[must_use]
    pub fn of(reason: &Reason) -> Option<Self> {
        match reason.contract()? {
            ErrorReason::DpopNonceRequired => Some(Self::UseNonce),
            ErrorReason::DpopProofRequired | ErrorReason::DpopProofInvalid => {
                Some(Self::InvalidProof)
            }
            _ => None,
        }
    }

    /// The error code (RFC 9449 §5, §8).
    #[must_use]
    pub const fn error(self) -> &'static str {
        match self {
            Self::InvalidProof => "invalid_dpop_proof",
            Self::UseNonce => "use_dpop_nonce",
            Self::InvalidToken => "invalid_token",
        }
    }

    /// The value of `WWW-Authenticate`.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::InvalidProof => challenge!("invalid_dpop_proof"),
            Self::UseNonce => challenge!("use_dpop_nonce"),
            Self::InvalidToken => challenge!("invalid_token"),
        }
    }
}

/// The nonce that an error carries for the next proof; empty without one.
#[must_use]
pub fn nonce_of(error: &AuthError) -> Option<&str> {
    match error {
        AuthError::Refused(refusal) => refusal.dpop_nonce.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn repeated_proof_is_one_that_never_verifies() {
        let mut headers = HeaderMap::new();
        assert_eq!(proof(&headers), None);
        headers.append(HEADER, HeaderValue::from_static("a.b.c"));
        assert_eq!(proof(&headers).as_deref(), Some("a.b.c"));
        headers.append(HEADER, HeaderValue::from_static("a.b.c"));
        assert_eq!(proof(&headers).as_deref(), Some(""));
    }
}
