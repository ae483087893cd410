//! The authenticated session of a page. Without one, the person is redirected to sign in.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{Method, request::Parts},
};

use crate::{
    http::{
        extract::peer::peer_address,
        pages::{
            error::{ErrorPage, PageRejection},
            self_reload::SelfReload,
        },
        state::AppState,
    },
    request::device_proof::is_cross_site_navigation,
    session::authenticator::{AuthenticatedSession, SessionError, SessionWithToken},
};

/// The session of a page, whose cookie and device proof were verified.
pub(in crate::http) struct PageSession(pub(in crate::http) AuthenticatedSession);

/// The session of a page that people who are not signed in may see, too. `None` also where the device proof is missing.
pub(in crate::http) struct OptionalPageSession(pub(in crate::http) Option<AuthenticatedSession>);

/// The session of a page that acts for the account's owner.
pub(in crate::http) struct PageSessionWithToken(pub(in crate::http) SessionWithToken);

fn rejection(error: SessionError, parts: &Parts) -> PageRejection {
    match error {
        SessionError::NoDeviceProof if can_reload(parts) => {
            PageRejection::SelfReload(SelfReload::at(&parts.uri))
        }
        SessionError::NoDeviceProof if !parts.method.is_safe() => {
            PageRejection::Error(ErrorPage::no_device_proof(&parts.uri))
        }
        SessionError::NoSession | SessionError::NoDeviceProof => {
            PageRejection::sign_in(&parts.method, &parts.uri)
        }
        SessionError::NotBound => PageRejection::Error(ErrorPage::not_bound()),
        SessionError::Failed(error) => PageRejection::Error(error.into()),
    }
}

/// Whether the browser renews the device proof, if the page loads itself again.
fn can_reload(parts: &Parts) -> bool {
    parts.method == Method::GET && is_cross_site_navigation(&parts.headers)
}

impl<S: Send + Sync> FromRequestParts<S> for PageSession
where
    AppState: FromRef<S>,
{
    type Rejection = PageRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRejection> {
        let state = AppState::from_ref(state);
        let peer = peer_address(&parts.extensions);
        let request = state.requests.read(&parts.headers, peer);
        let session = state.authenticator.authenticate(&request).await;
        session.map(Self).map_err(|error| rejection(error, parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageSessionWithToken
where
    AppState: FromRef<S>,
{
    type Rejection = PageRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRejection> {
        let PageSession(session) = PageSession::from_request_parts(parts, state).await?;
        let state = AppState::from_ref(state);
        let session = state.authenticator.access_token(session).await;
        session.map(Self).map_err(|error| rejection(error, parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OptionalPageSession
where
    AppState: FromRef<S>,
{
    type Rejection = PageRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRejection> {
        let state = AppState::from_ref(state);
        let peer = peer_address(&parts.extensions);
        let request = state.requests.read(&parts.headers, peer);
        match state.authenticator.authenticate(&request).await {
            Ok(session) => Ok(Self(Some(session))),
            Err(SessionError::NoSession) => Ok(Self(None)),
            Err(SessionError::NoDeviceProof) if !can_reload(parts) => Ok(Self(None)),
            Err(error) => Err(rejection(error, parts)),
        }
    }
}
