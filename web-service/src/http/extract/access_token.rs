//! The validated access token of a request.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use holdfast_client::{
    AuthError, Claims, DpopProof, ErrorReason, Refusal, RefusalKind,
    authorization_header::{self, TokenScheme},
};
use holdfast_core::audience;

use crate::http::{api::problem::Problem, dpop::Dpop, state::AppState};

/// The scope that the REST API needs: to show who the account's owner is.
pub(in crate::http) const SCOPE: &str = "profile";
/// The scope that the claims of the account need (OpenID Connect Core 1.0 §5.3).
const OPENID: &str = "openid";
/// The scope that the stream of revocations needs.
const REVOCATIONS: &str = "revocations";

/// The claims of a valid access token.
pub(in crate::http) struct AccessTokenClaims(pub(in crate::http) Arc<Claims>);

/// The claims of a valid access token that a relying party asks for the claims of the account with.
pub(in crate::http) struct OpenIdClaims(pub(in crate::http) Arc<Claims>);

/// The claims of a valid access token that an OAuth client got in its own name, and that may receive revocations.
pub(in crate::http) struct RevocationsClaims {
    pub(in crate::http) claims: Arc<Claims>,
    /// Number of signing keys that were revoked before the validation.
    pub(in crate::http) revoked_keys: u64,
}

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

impl FromRequestParts<AppState> for RevocationsClaims {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let revoked_keys = state.revocations.revoked_keys();
        let claims = validate(parts, state, ("", REVOCATIONS)).await?;
        // The owner of an account may grant scopes of applications, and not this one.
        match claims.sid {
            None => Ok(Self {
                claims,
                revoked_keys,
            }),
            Some(_) => Err(Problem::for_token(person(), TokenScheme::Bearer)),
        }
    }
}

/// The refusal of a person's access token where that of an OAuth client is needed.
fn person() -> AuthError {
    AuthError::Refused(Refusal {
        kind: RefusalKind::Forbidden,
        reason: ErrorReason::InsufficientScope.into(),
        message: "the access token has to be an OAuth client's own (client_credentials)".to_owned(),
        dpop_nonce: None,
    })
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
