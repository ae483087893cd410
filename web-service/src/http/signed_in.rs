//! Who is signed in with this browser.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use secrecy::SecretString;

use super::{
    api::problem::Problem,
    cookies,
    pages::error::{ErrorPage, PageRefusal},
};
use crate::domain::{
    auth::{Auth, AuthError, ClientKind, Grant},
    session::Session,
    session_id::SessionId,
    sessions::{RecordsUnavailable, Sessions},
};

/// The reason this service gives when Redis does not answer.
const SESSIONS_UNAVAILABLE: &str = "SESSIONS_UNAVAILABLE";
const RETRY_AFTER: Duration = Duration::from_secs(1);

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
    /// It cannot be told now. Nobody is signed out by that.
    Unavailable {
        /// The stable reason.
        reason: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// A fault of the services.
    Broken,
}

impl From<RecordsUnavailable> for NotSignedIn {
    fn from(error: RecordsUnavailable) -> Self {
        tracing::error!(%error, "sessions cannot be read; requests with a cookie are refused");
        Self::Unavailable {
            reason: SESSIONS_UNAVAILABLE.to_owned(),
            retry_after: RETRY_AFTER,
        }
    }
}

impl Browser {
    /// Opens the session that the cookie names, then asks auth-service whether its login still lives.
    async fn find(
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
            Err(AuthError::Refused(refusal)) => {
                tracing::info!(
                    sid = session.sid,
                    reason = refusal.reason,
                    "a session ended with its login"
                );
                sessions.end(&id).await?;
                Err(NotSignedIn::NoSession)
            }
            Err(AuthError::Unavailable {
                reason,
                retry_after,
            }) => Err(NotSignedIn::Unavailable {
                reason,
                retry_after,
            }),
            Err(AuthError::Broken(why)) => {
                tracing::error!(why, "auth-service failed");
                Err(NotSignedIn::Broken)
            }
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
            Err(other) => Err(PageRefusal::Error(ErrorPage::from(other))),
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
        Ok(Self(
            Browser::find(&parts.headers, &sessions, &*auth).await?,
        ))
    }
}
