//! Who is signed in with this browser.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{api::problem::Problem, cookies, failure::Failure, pages::error::PageRefusal};
use crate::domain::{
    auth::{Auth, AuthError, ClientKind, Grant, RefusalKind},
    session::Session,
    session_id::SessionId,
    sessions::{RecordsUnavailable, Sessions},
    sign_in::SignedIn,
};

/// A browser whose session and login are both alive.
pub(super) struct Browser {
    /// The secret of its cookie.
    pub(super) id: SessionId,
    /// The session.
    pub(super) session: Session,
    /// Acts for the person; made for this request.
    pub(super) access_token: SecretString,
}

/// Why a request has no signed-in browser.
#[derive(Debug)]
pub(super) enum NotSignedIn {
    /// There is no session, or it is over.
    NoSession,
    /// It cannot be told now.
    Failed(Failure),
}

impl From<RecordsUnavailable> for NotSignedIn {
    fn from(error: RecordsUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl Browser {
    /// Opens the session that the cookie names, then asks auth-service whether its login still lives.
    pub(super) async fn find(
        headers: &HeaderMap,
        sessions: &Sessions,
        auth: &dyn Auth,
    ) -> Result<Self, NotSignedIn> {
        let id = cookies::session_id(headers).ok_or(NotSignedIn::NoSession)?;
        let session = sessions.resume(&id).await?.ok_or(NotSignedIn::NoSession)?;
        let grant = Grant::RefreshToken(&session.refresh_token);
        match auth.issue_token(grant, "", ClientKind::Browser).await {
            Ok(tokens) => Ok(Self {
                id,
                session,
                access_token: tokens.access_token,
            }),
            Err(AuthError::Refused(refusal)) if refusal.kind == RefusalKind::Unauthenticated => {
                tracing::info!(
                    sid = session.sid,
                    reason = refusal.reason,
                    "a session ended with its login"
                );
                sessions.end(&id).await?;
                Err(NotSignedIn::NoSession)
            }
            Err(error) => Err(NotSignedIn::Failed(error.into())),
        }
    }
}

/// Begins the session of somebody who just signed in. A login that no session can hold is ended again.
pub(super) async fn begin(
    sessions: &Sessions,
    auth: &dyn Auth,
    signed_in: SignedIn,
) -> Result<SessionId, Failure> {
    let refresh_token = signed_in.refresh_token.clone();
    match sessions.begin(signed_in).await {
        Ok(id) => Ok(id),
        Err(error) => {
            let failure = Failure::from(error);
            if let Err(error) = auth.end_login(refresh_token.expose_secret()).await {
                tracing::warn!(%error, "a login that has no session could not be ended");
            }
            Err(failure)
        }
    }
}

/// For pages: without a session the person is sent to sign in.
pub(super) struct PageBrowser(pub(super) Browser);

impl<S> FromRequestParts<S> for PageBrowser
where
    S: Send + Sync,
    Sessions: FromRef<S>,
    Arc<dyn Auth>: FromRef<S>,
{
    type Rejection = PageRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRefusal> {
        let (sessions, auth) = (Sessions::from_ref(state), Arc::<dyn Auth>::from_ref(state));
        match Browser::find(&parts.headers, &sessions, &*auth).await {
            Ok(browser) => Ok(Self(browser)),
            Err(NotSignedIn::NoSession) => Err(PageRefusal::sign_in(&parts.method, &parts.uri)),
            Err(NotSignedIn::Failed(failure)) => Err(PageRefusal::Error(failure.into())),
        }
    }
}

/// For JSON routes: without a session the answer is 401.
pub(super) struct ApiBrowser(pub(super) Browser);

impl<S> FromRequestParts<S> for ApiBrowser
where
    S: Send + Sync,
    Sessions: FromRef<S>,
    Arc<dyn Auth>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // `Authorization` decides where it is present; there is no falling back to the cookie.
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return Err(Problem::no_session());
        }
        let (sessions, auth) = (Sessions::from_ref(state), Arc::<dyn Auth>::from_ref(state));
        match Browser::find(&parts.headers, &sessions, &*auth).await {
            Ok(browser) => Ok(Self(browser)),
            Err(NotSignedIn::NoSession) => Err(Problem::no_session()),
            Err(NotSignedIn::Failed(failure)) => Err(failure.into()),
        }
    }
}
