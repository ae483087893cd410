//! The validated access token of a request.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use holdfast_client::{
    Claims, DpopProof,
    authorization_header::{self, TokenScheme},
};

use crate::http::{api::problem::Problem, dpop::Dpop, state::AppState};

/// The scope that every route with an access token needs: to show who the account's owner is.
pub(in crate::http) const SCOPE: &str = "profile";

/// The claims of a valid access token.
pub(in crate::http) struct AccessTokenClaims(pub(in crate::http) Arc<Claims>);

impl FromRequestParts<AppState> for AccessTokenClaims {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let (scheme, token) = authorization_header::read(&parts.headers)?;
        let dpop = Dpop::of(parts, &state.public_url);
        let proof = required_proof(scheme, &dpop)?;
        let validated = state.verifier.validate(token, proof, "", &[SCOPE]).await;
        let claims = dpop
            .keep_nonce(validated)
            .map_err(|error| Problem::for_token(error, scheme))?;
        Ok(Self(claims))
    }
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
