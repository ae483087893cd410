//! The validated access token of a request.

use std::{marker::PhantomData, sync::Arc};

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

/// The claims of a valid access token.
pub(in crate::http) struct AccessTokenClaims(pub(in crate::http) Arc<Claims>);

/// The claims of a valid access token that a relying party asks for the claims of the account with.
pub(in crate::http) struct OpenIdClaims(pub(in crate::http) Arc<Claims>);

/// A valid access token that an OAuth client got in its own name, with a scope of `S`.
pub(in crate::http) struct OwnToken<S> {
    pub(in crate::http) claims: Arc<Claims>,
    /// Number of signing keys that were revoked before the validation.
    pub(in crate::http) revoked_keys: u64,
    scopes: PhantomData<fn() -> S>,
}

/// The scopes of which an OAuth client's own access token needs one.
pub(in crate::http) trait OwnScopes {
    /// Their names.
    const ANY: &[&str];
}

/// To receive revocations.
pub(in crate::http) struct ReadRevocations;

impl OwnScopes for ReadRevocations {
    const ANY: &[&str] = &["revocations"];
}

/// To read the configuration of an event stream, and to receive its events (CAEP Interoperability Profile 1.0 §2.7.2).
pub(in crate::http) struct ReadSignals;

impl OwnScopes for ReadSignals {
    const ANY: &[&str] = &["ssf.read", "ssf.manage"];
}

/// To create, change, verify and delete an event stream (CAEP Interoperability Profile 1.0 §2.7.2).
pub(in crate::http) struct ManageSignals;

impl OwnScopes for ManageSignals {
    const ANY: &[&str] = &["ssf.manage"];
}

impl FromRequestParts<AppState> for AccessTokenClaims {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        // The default audience.
        validate(parts, state, ("", &[SCOPE])).await.map(Self)
    }
}

impl FromRequestParts<AppState> for OpenIdClaims {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let required = (audience::USERINFO, &[OPENID] as &[&str]);
        validate(parts, state, required).await.map(Self)
    }
}

impl<S: OwnScopes> FromRequestParts<AppState> for OwnToken<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let revoked_keys = state.revocations.revoked_keys();
        let claims = validate(parts, state, ("", &[])).await?;
        // The owner of an account may grant scopes of applications, and not these.
        if claims.sid.is_some() {
            let detail = "the access token has to be an OAuth client's own (client_credentials)";
            return Err(insufficient(detail.to_owned()));
        }
        let mut scopes = claims.scope.split(' ');
        if !scopes.any(|scope| S::ANY.contains(&scope)) {
            let detail = format!("the token lacks the scope {}", S::ANY.join(" or "));
            return Err(insufficient(detail));
        }
        Ok(Self {
            claims,
            revoked_keys,
            scopes: PhantomData,
        })
    }
}

/// The refusal of a valid access token that does not suffice.
fn insufficient(message: String) -> Problem {
    let refusal = AuthError::Refused(Refusal {
        kind: RefusalKind::Forbidden,
        reason: ErrorReason::InsufficientScope.into(),
        message,
        dpop_nonce: None,
    });
    Problem::for_token(refusal, TokenScheme::Bearer)
}

/// Validates the access token of a request, which must have an audience and all of these scopes.
async fn validate(
    parts: &Parts,
    state: &AppState,
    (audience, scopes): (&str, &[&str]),
) -> Result<Arc<Claims>, Problem> {
    let (scheme, token) = authorization_header::read(&parts.headers)?;
    let dpop = Dpop::of(parts, &state.public_url);
    let proof = required_proof(scheme, &dpop)?;
    let validated = state
        .verifier
        .validate(token, proof, audience, scopes)
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
