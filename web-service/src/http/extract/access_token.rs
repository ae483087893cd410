//! The validated access token of a request.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use holdfast_client::{
    Claims, DpopProof,
    authorization_header::{self, TokenScheme},
};
use holdfast_core::audience;

use crate::http::{api::problem::Problem, dpop::Dpop, state::AppState};

/// The scope that the REST API needs: to show who the account's owner is.
pub(in crate::http) const SCOPE: &str = "profile";
/// The scope that the claims of the account need (OpenID Connect Core 1.0 §5.3).
const OPENID: &str = "openid";

/// The claims of a valid access token.
pub(in crate::http) struct AccessTokenClaims(pub(in crate::http) Arc<Claims>);

/// The claims of a valid access token that a relying party asks for the claims of the account with.
pub(in crate::http) struct OpenIdClaims(pub(in crate::http) Arc<Claims>);

impl FromRequestParts<AppState> for AccessTokenClaims {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // The default audience.
        validate(parts, state, ("", SCOPE)).await.map(Self)
    }
}

impl FromRequestParts<AppState> for OpenIdClaims {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let required = (audience::USERINFO, OPENID);
        validate(parts, state, required).await.map(Self)
    }
}

/// Validates the access token of a request, which must have an audience and a scope.
async fn validate(
    parts: &Parts,
    state: &AppState,
    (audience, scope): (&str, &str),
) -> Result<Arc<Claims>, Problem> {
    let (scheme, token) = authorization_header::read(&parts.headers)?;
    let dpop = Dpop::of(parts, &state.public_url);
    let proof = required_proof(scheme, &dpop)?;
    let validated = state
        .verifier
        .validate(token, proof, audience, &[scope])
        .await;
    dpop.keep_nonce(validated)
        .map_err(|error| Problem::for_token(error, scheme))
}

/// The proof that a scheme needs. With `Bearer` a proof has no effect.
pub(in crate::http) fn required_proof(
    scheme: TokenScheme,
    dpop: &Dpop,
) -> Result<Option<&DpopProof>, Problem> {
    match scheme {
        TokenScheme::Bearer => Ok(None),
        TokenScheme::Dpop => dpop.proof().map(Some).ok_or_else(Problem::no_dpop_proof),
    }
}
