//! `DPoP` (RFC 9449): the proof of a request, and the nonce in its response.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{FromRef, FromRequestParts, Request},
    http::{HeaderName, HeaderValue, request::Parts},
    response::Response,
};
use holdfast_client::{
    AuthError, Claims, DpopProof, PasskeyRegistration, PushOutcome, SecurityOverview, Tokens,
    TotpEnrolment,
};

use crate::{
    config::PublicUrl,
    request::dpop::{HEADER, nonce_of, proof},
};

const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The place of the nonce for a client's next proof, from the call to auth-service to the response.
#[derive(Clone, Default)]
pub(super) struct NextNonce(Arc<OnceLock<String>>);

impl NextNonce {
    /// Adds it to a request that has a proof. The nonce belongs to every response to it, of whatever status.
    pub(super) fn expect_for(request: &mut Request) -> Option<Self> {
        if !request.headers().contains_key(HEADER) {
            return None;
        }
        let nonce = Self::default();
        request.extensions_mut().insert(nonce.clone());
        Some(nonce)
    }

    /// The response with the nonce, if auth-service sent one.
    pub(super) fn add(&self, mut response: Response) -> Response {
        if let Some(nonce) = self.0.get()
            && let Ok(value) = HeaderValue::from_str(nonce)
        {
            response.headers_mut().insert(NONCE, value);
        }
        response
    }
}

/// The proof of a request, and the place of the next nonce.
pub(super) struct Dpop {
    proof: Option<DpopProof>,
    nonce: Option<NextNonce>,
}

impl Dpop {
    /// The proof of a request to this service itself, with the method and URL that it has to name.
    pub(super) fn of(parts: &Parts, public_url: &PublicUrl) -> Self {
        Self {
            proof: proof(&parts.headers).map(|jwt| DpopProof {
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

    /// Keeps the nonce of a result of auth-service for the response.
    pub(super) fn keep_nonce<T: CarriesNonce>(
        &self,
        result: Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let nonce = match &result {
            Ok(value) => value.nonce(),
            Err(error) => nonce_of(error),
        };
        if let (Some(NextNonce(slot)), Some(nonce)) = (&self.nonce, nonce) {
            let _ = slot.set(nonce.to_owned());
        }
        result
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

/// A result of auth-service that may carry a nonce.
pub(super) trait CarriesNonce {
    /// The nonce, if there is one.
    fn nonce(&self) -> Option<&str>;
}

impl CarriesNonce for Tokens {
    fn nonce(&self) -> Option<&str> {
        self.dpop_nonce.as_deref()
    }
}

impl CarriesNonce for Arc<Claims> {
    fn nonce(&self) -> Option<&str> {
        self.dpop_nonce.as_deref()
    }
}

/// Results whose responses have no nonce: the proof of the call needs none, or there is no proof.
macro_rules! without_nonce {
    ($($result:ty),+ $(,)?) => {$(
        impl CarriesNonce for $result {
            fn nonce(&self) -> Option<&str> {
                None
            }
        }
    )+};
}

without_nonce!(
    (),
    String,
    PushOutcome,
    SecurityOverview,
    TotpEnrolment,
    PasskeyRegistration
);

impl<T> CarriesNonce for Vec<T> {
    fn nonce(&self) -> Option<&str> {
        None
    }
}
