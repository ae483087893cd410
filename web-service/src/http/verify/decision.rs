//! The decision, the same for every dialect.

use axum::http::{HeaderMap, header};

use crate::{
    domain::{
        auth::{AuthError, RefusalKind},
        gate::{Identity, Method, Original, Refused, Requirements},
        sign_in::SESSION_SCOPE,
    },
    http::{
        api::bearer,
        client::Visitor,
        failure::Failure,
        signed_in::{Browser, NotSignedIn},
        state::AppState,
    },
};

/// Why a request does not pass.
#[derive(Debug)]
pub(super) enum Denied {
    /// It may not.
    Refused(Refused),
    /// It cannot be told now.
    Failed(Failure),
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// `Authorization` decides where it is present; there is no falling back to the cookie.
pub(super) async fn decide(
    state: &AppState,
    visitor: Visitor<'_>,
    original: &Original,
    wanted: &Requirements,
) -> Result<Identity, Denied> {
    if visitor.headers.contains_key(header::AUTHORIZATION) {
        by_token(state, visitor.headers, wanted).await
    } else {
        by_cookie(state, visitor, original, wanted).await
    }
}

async fn by_token(
    state: &AppState,
    headers: &HeaderMap,
    wanted: &Requirements,
) -> Result<Identity, Denied> {
    let token = bearer::read(headers).map_err(|_| Refused::Unauthenticated)?;
    let judged = state
        .auth
        .validate(token, &wanted.audience, &wanted.scopes)
        .await;
    let claims = judged.map_err(|error| match error {
        AuthError::Refused(refusal) => match refusal.kind {
            RefusalKind::Forbidden => Denied::Refused(Refused::Scope),
            RefusalKind::Unauthenticated | RefusalKind::Invalid => {
                Denied::Refused(Refused::Unauthenticated)
            }
        },
        error => Denied::Failed(error.into()),
    })?;
    wanted.check_age(claims.authenticated_at, state.clock.now())?;
    Ok(Identity {
        username: claims.username,
        subject: claims.subject,
        sid: claims.sid,
        scope: claims.scope,
        method: Method::Bearer,
    })
}

async fn by_cookie(
    state: &AppState,
    visitor: Visitor<'_>,
    original: &Original,
    wanted: &Requirements,
) -> Result<Identity, Denied> {
    let session = match Browser::find(visitor, state).await {
        Ok(browser) => browser.session,
        Err(NotSignedIn::NotBound) => return Err(Refused::NotBound.into()),
        Err(NotSignedIn::NoSession | NotSignedIn::NoProof) => {
            return Err(Refused::Unauthenticated.into());
        }
        Err(NotSignedIn::Failed(failure)) => return Err(Denied::Failed(failure)),
    };
    if !original.may_use_cookie(&state.return_origins) {
        return Err(Refused::Foreign.into());
    }
    wanted.check_scope(SESSION_SCOPE)?;
    wanted.check_age(Some(session.authenticated_at), state.clock.now())?;
    Ok(Identity {
        username: session.username,
        subject: session.user_id,
        sid: session.sid,
        scope: SESSION_SCOPE.to_owned(),
        method: Method::Cookie,
    })
}
