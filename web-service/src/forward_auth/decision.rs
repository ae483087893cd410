//! The decision, the same for every dialect.

use axum::http::HeaderMap;
use holdfast_client::auth::{AuthError, DpopProof, RefusalKind};
use time::OffsetDateTime;

use crate::{
    forward_auth::policy::{AccessDenied, Identity, Method, OriginalRequest, Requirements},
    http::{
        api::bearer::{self, Scheme},
        dpop::{self, DpopChallenge, nonce_of},
        request_source::Visitor,
        service_error::Failure,
        signed_in::{AuthenticatedSession, SessionError},
        state::AppState,
    },
    session::sign_in::SESSION_SCOPE,
};

/// Why a request does not pass.
#[derive(Debug)]
pub(super) enum Denied {
    /// It may not.
    AccessDenied(AccessDenied),
    /// The key that the token is bound to was not proved.
    Dpop(DpopChallenge),
    /// It cannot be told now.
    Failed(Failure),
}

impl From<AccessDenied> for Denied {
    fn from(refused: AccessDenied) -> Self {
        Self::AccessDenied(refused)
    }
}

/// A decision, and the nonce for the next proof of a key, or nothing.
pub(super) struct Decision {
    pub(super) decision: Result<Identity, Denied>,
    pub(super) dpop_nonce: String,
}

/// An access token decides where it is presented; there is no falling back to the cookie.
pub(super) async fn decide(
    state: &AppState,
    visitor: Visitor<'_>,
    original: &OriginalRequest,
    wanted: &Requirements,
) -> Decision {
    let mut dpop_nonce = String::new();
    let decision = if bearer::is_presented(visitor.headers) {
        by_token(state, visitor.headers, original, wanted, &mut dpop_nonce).await
    } else {
        by_cookie(state, visitor, original, wanted).await
    };
    Decision {
        decision,
        dpop_nonce,
    }
}

async fn by_token(
    state: &AppState,
    headers: &HeaderMap,
    original: &OriginalRequest,
    wanted: &Requirements,
    dpop_nonce: &mut String,
) -> Result<Identity, Denied> {
    let (scheme, token) = bearer::read(headers).map_err(|_| AccessDenied::Unauthenticated)?;
    let proof = match scheme {
        Scheme::Bearer => None,
        Scheme::Dpop => Some(proof(state, headers, original)?),
    };
    let scopes: Vec<_> = wanted.scopes.iter().map(String::as_str).collect();
    let judged = state
        .verify
        .validate(token, proof.as_ref(), &wanted.audience, &scopes)
        .await;
    let claims = match judged {
        Ok(claims) => claims,
        Err(error) => {
            nonce_of(&error).clone_into(dpop_nonce);
            return Err(denied(error));
        }
    };
    dpop_nonce.clone_from(&claims.dpop_nonce);
    wanted.check_age(claims.authenticated_at, issuer_now(state))?;
    Ok(Identity {
        username: claims.username.clone(),
        subject: claims.subject.clone(),
        sid: claims.sid.clone(),
        scope: claims.scope.clone(),
        method: match scheme {
            Scheme::Bearer => Method::Bearer,
            Scheme::Dpop => Method::Dpop,
        },
    })
}

/// By the clock that proofs are dated by, which may be ahead of ours or behind.
fn issuer_now(state: &AppState) -> OffsetDateTime {
    let now = state.revocations.issuer_now();
    now.unwrap_or_else(|| state.clock.now())
}

/// The proof that came with the original request, which the proxy has to tell of.
fn proof(
    state: &AppState,
    headers: &HeaderMap,
    original: &OriginalRequest,
) -> Result<DpopProof, Denied> {
    let target = original.proven_target(&state.public_url.origin, &state.return_origins);
    let (jwt, (method, uri)) = dpop::jwt(headers)
        .zip(target)
        .ok_or(Denied::Dpop(DpopChallenge::InvalidProof))?;
    Ok(DpopProof { jwt, method, uri })
}

fn denied(error: AuthError) -> Denied {
    let AuthError::Refused(refusal) = error else {
        return Denied::Failed(error.into());
    };
    match (DpopChallenge::of(&refusal.reason), refusal.kind) {
        (Some(challenge), _) => Denied::Dpop(challenge),
        (None, RefusalKind::Forbidden) => Denied::AccessDenied(AccessDenied::Scope),
        (None, RefusalKind::Unauthenticated | RefusalKind::Invalid) => {
            Denied::AccessDenied(AccessDenied::Unauthenticated)
        }
    }
}

async fn by_cookie(
    state: &AppState,
    visitor: Visitor<'_>,
    original: &OriginalRequest,
    wanted: &Requirements,
) -> Result<Identity, Denied> {
    let session = match AuthenticatedSession::find(visitor, state).await {
        Ok(browser) => browser.session,
        Err(SessionError::NotBound) => return Err(AccessDenied::NotBound.into()),
        Err(SessionError::NoSession) => return Err(AccessDenied::Unauthenticated.into()),
        Err(SessionError::NoProof) => return Err(AccessDenied::NoProof.into()),
        Err(SessionError::Failed(failure)) => return Err(Denied::Failed(failure)),
    };
    if !original.may_use_cookie(&state.return_origins) {
        return Err(AccessDenied::Foreign.into());
    }
    wanted.check_scope(SESSION_SCOPE)?;
    wanted.check_age(Some(session.authenticated_at), issuer_now(state))?;
    Ok(Identity {
        username: session.username.clone(),
        subject: session.user_id.clone(),
        sid: session.sid.clone(),
        scope: SESSION_SCOPE.to_owned(),
        method: Method::Cookie,
    })
}
