//! Proofs of possession on their way in, and nonces for the next ones on their way out (RFC 9449).

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{FromRef, FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
    response::Response,
};
use holdfast_client::{
    ErrorReason, Reason,
    auth::{AuthError, Claims, DpopProof, Tokens},
};

use crate::config::PublicUrl;

pub(super) const HEADER: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What signs proofs, as a challenge names it.
macro_rules! challenge {
    ($error:literal) => {
        concat!(
            r#"DPoP realm="holdfast", algs="ES256 EdDSA", error=""#,
            $error,
            "\""
        )
    };
}

/// What `WWW-Authenticate` says of a proof, or of the token that came with it (RFC 9449 §7.1, §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DpopChallenge {
    /// The proof is missing or does not hold.
    InvalidProof,
    /// It needs the nonce in `DPoP-Nonce`.
    UseNonce,
    /// The token does not hold.
    InvalidToken,
}

impl DpopChallenge {
    /// What a refusal with this reason says; `None` where it is about no proof.
    pub(super) fn of(reason: &Reason) -> Option<Self> {
        match reason.contract()? {
            ErrorReason::DpopNonceRequired => Some(Self::UseNonce),
            ErrorReason::DpopProofRequired | ErrorReason::DpopProofInvalid => {
                Some(Self::InvalidProof)
            }
            _ => None,
        }
    }

    /// RFC 9449 §5, §8.
    pub(super) const fn error(self) -> &'static str {
        match self {
            Self::InvalidProof => "invalid_dpop_proof",
            Self::UseNonce => "use_dpop_nonce",
            Self::InvalidToken => "invalid_token",
        }
    }

    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::InvalidProof => challenge!("invalid_dpop_proof"),
            Self::UseNonce => challenge!("use_dpop_nonce"),
            Self::InvalidToken => challenge!("invalid_token"),
        }
    }
}

/// Where the nonce for a client's next proof waits for the answer to go out.
#[derive(Clone, Default)]
pub(super) struct NextNonce(Arc<OnceLock<String>>);

impl NextNonce {
    /// For a request that comes with a proof: what is heard of on its way belongs to its answer, whatever that says.
    pub(super) fn expect_for(request: &mut Request) -> Option<Self> {
        if !request.headers().contains_key(HEADER) {
            return None;
        }
        let nonce = Self::default();
        request.extensions_mut().insert(nonce.clone());
        Some(nonce)
    }

    /// The same response with the nonce, if one was heard of.
    pub(super) fn add(&self, response: Response) -> Response {
        with_nonce(response, self.0.get().map_or("", String::as_str))
    }
}

/// The same response with a nonce, where there is one.
pub(super) fn with_nonce(mut response: Response, nonce: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(nonce)
        && !nonce.is_empty()
    {
        response.headers_mut().insert(NONCE, value);
    }
    response
}

/// What a request proves, and where the next nonce goes.
pub(super) struct Dpop {
    proof: Option<DpopProof>,
    nonce: Option<NextNonce>,
}

impl Dpop {
    /// The proof that came with a request to this service itself.
    pub(super) fn of(parts: &Parts, public_url: &PublicUrl) -> Self {
        Self {
            proof: jwt(&parts.headers).map(|jwt| DpopProof {
                jwt,
                method: parts.method.to_string(),
                uri: format!("{}{}", public_url.origin, parts.uri.path()),
            }),
            nonce: parts.extensions.get().cloned(),
        }
    }

    pub(super) const fn proof(&self) -> Option<&DpopProof> {
        self.proof.as_ref()
    }

    /// Keeps the nonce of what auth-service answered.
    pub(super) fn heard<T: CarriesNonce>(
        &self,
        answer: Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let nonce = match &answer {
            Ok(answer) => answer.nonce(),
            Err(error) => nonce_of(error),
        };
        if let Some(NextNonce(slot)) = &self.nonce
            && !nonce.is_empty()
        {
            let _ = slot.set(nonce.to_owned());
        }
        answer
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Dpop
where
    Arc<PublicUrl>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts, &Arc::<PublicUrl>::from_ref(state)))
    }
}

/// The proof of a request. What is there twice, or is no text, is one that holds for nobody (RFC 9449 §4.3, check 1).
pub(super) fn jwt(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(HEADER).into_iter();
    let value = values.next()?;
    let text = value.to_str().unwrap_or_default();
    let is_only = values.next().is_none();
    Some(if is_only { text } else { "" }.to_owned())
}

/// The nonce that a refusal carries, or nothing.
pub(super) fn nonce_of(error: &AuthError) -> &str {
    match error {
        AuthError::Refused(refusal) => &refusal.dpop_nonce,
        _ => "",
    }
}

/// An answer of auth-service that may carry a nonce.
pub(super) trait CarriesNonce {
    /// The nonce, or nothing.
    fn nonce(&self) -> &str;
}

impl CarriesNonce for Tokens {
    fn nonce(&self) -> &str {
        &self.dpop_nonce
    }
}

impl CarriesNonce for Arc<Claims> {
    fn nonce(&self) -> &str {
        &self.dpop_nonce
    }
}

/// Answers that carry none.
impl CarriesNonce for () {
    fn nonce(&self) -> &'static str {
        ""
    }
}

impl<T> CarriesNonce for Vec<T> {
    fn nonce(&self) -> &'static str {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_proofs_are_none_that_holds() {
        let mut headers = HeaderMap::new();
        assert_eq!(jwt(&headers), None);
        headers.append(HEADER, HeaderValue::from_static("a.b.c"));
        assert_eq!(jwt(&headers).as_deref(), Some("a.b.c"));
        headers.append(HEADER, HeaderValue::from_static("a.b.c"));
        assert_eq!(jwt(&headers).as_deref(), Some(""));
    }
}
