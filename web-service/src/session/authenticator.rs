//! Who is signed in with this browser.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, Method, request::Parts},
};
use holdfast_client::{
    auth::{
        AuthError, AuthService, Authorization, ClientInfo, ClientKind, Grant, Holder, RefusalKind,
    },
    revocations::LoginState,
};
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::{
    http::{
        api::problem::Problem,
        cookies, dbsc,
        pages::{
            error::{ErrorPage, PageRefusal},
            self_reload::SelfReload,
        },
        request_source::{Peer, Visitor},
        service_error::Failure,
        state::AppState,
    },
    session::{
        browser_session::Session,
        csrf_token::CsrfTokens,
        device_binding::DeviceProofStatus,
        session_id::SessionId,
        sessions::{RecordsUnavailable, Sessions},
        sign_in::SignedIn,
        sign_out::sign_out,
    },
};

/// A browser whose session and login are both alive.
pub(super) struct AuthenticatedSession {
    /// The secret of its cookie.
    pub(super) id: SessionId,
    /// The session.
    pub(super) session: Arc<Session>,
}

/// The same, with what acts for the person towards auth-service.
pub(super) struct SessionWithToken {
    /// The browser.
    pub(super) browser: AuthenticatedSession,
    /// Made for this request.
    pub(super) authorization: Authorization,
}

/// Why a request has no signed-in browser.
#[derive(Debug)]
pub(super) enum SessionError {
    /// There is no session, or it is over.
    NoSession,
    /// The session is bound to a device, and nothing shows that it is this one.
    NoProof,
    /// The session has to be bound to a device, and this browser did not bind it.
    NotBound,
    /// It cannot be told now.
    Failed(Failure),
}

impl From<RecordsUnavailable> for SessionError {
    fn from(error: RecordsUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl AuthenticatedSession {
    /// Opens the session that the cookie names, sees that its device is here, and notes that it was seen.
    pub(super) async fn find(visitor: Visitor<'_>, state: &AppState) -> Result<Self, SessionError> {
        let mut browser = Self::open(visitor.headers, state).await?;
        let session = &mut browser.session;
        let bindings = &state.bindings;
        match bindings.verify(
            session,
            cookies::proof(visitor.headers, &state.cookie_names),
        ) {
            DeviceProofStatus::Enough => {}
            DeviceProofStatus::First => {
                let client = Peer::of(visitor, state).into_client(ClientKind::Browser);
                if !bindings.confirm(&browser.id, session, &client).await? {
                    return Err(SessionError::NoSession);
                }
            }
            DeviceProofStatus::Unbound => return Err(SessionError::NotBound),
            shown => return Err(no_proof(visitor, state, session, shown).await),
        }
        if state.sessions.should_note(session) {
            if !state.sessions.note_seen(&browser.id, session).await? {
                return Err(SessionError::NoSession);
            }
            note_seen(Arc::clone(&state.auth), session.refresh_token.clone());
        }
        Ok(browser)
    }

    /// The session that the cookie names, whose login lives; whether its device is here is not looked at.
    pub(super) async fn open(headers: &HeaderMap, state: &AppState) -> Result<Self, SessionError> {
        let id =
            cookies::session_id(headers, &state.cookie_names).ok_or(SessionError::NoSession)?;
        let session = state.sessions.find(&id).await?;
        let session = session.ok_or(SessionError::NoSession)?;
        match state.revocations.login(&session.sid, &session.epoch) {
            LoginState::Live => Ok(Self { id, session }),
            LoginState::Ended => Err(end_with_login(&state.sessions, &id, &session).await),
            LoginState::Unknown => Err(SessionError::Failed(Failure::nothing_heard())),
        }
    }

    /// The token for the forms of its pages.
    pub(super) fn form_token(&self, tokens: &dyn CsrfTokens) -> String {
        tokens.session_token(&self.id, &self.session.user_id)
    }

    /// Asks auth-service for what acts for the person.
    pub(super) async fn act(self, state: &AppState) -> Result<SessionWithToken, SessionError> {
        let grant = Grant::RefreshToken(&self.session.refresh_token);
        match state
            .auth
            .issue_token(grant, "", Holder::Browser, None)
            .await
        {
            Ok(tokens) => Ok(SessionWithToken {
                browser: self,
                authorization: Authorization {
                    access_token: tokens.access_token,
                    proof: None,
                },
            }),
            Err(AuthError::Refused(refusal)) if refusal.kind == RefusalKind::Unauthenticated => {
                Err(end_with_login(&state.sessions, &self.id, &self.session).await)
            }
            Err(error) => Err(SessionError::Failed(error.into())),
        }
    }
}

/// A browser that says why its device was not asked is no thief's for it, and is not sent away where it was our fault.
async fn no_proof(
    visitor: Visitor<'_>,
    state: &AppState,
    session: &Session,
    shown: DeviceProofStatus,
) -> SessionError {
    let was_not_answered = dbsc::was_not_answered(visitor.headers, &session.sid);
    // A page of another site led here, and then browsers do not ask the device.
    let is_explained = was_not_answered || dbsc::is_led_here(visitor.headers);
    let client = Peer::of(visitor, state).into_client(ClientKind::Browser);
    let bindings = &state.bindings;
    let told = bindings
        .report_possible_theft(session, shown, is_explained, &client)
        .await;
    match told {
        Err(error) => error.into(),
        Ok(()) if was_not_answered => SessionError::Failed(Failure::device_not_asked()),
        Ok(()) => SessionError::NoProof,
    }
}

/// The login has ended: so has the session.
async fn end_with_login(sessions: &Sessions, id: &SessionId, session: &Session) -> SessionError {
    tracing::info!(sid = session.sid, "a session ended with its login");
    match sessions.end(id).await {
        Ok(()) => SessionError::NoSession,
        Err(error) => error.into(),
    }
}

/// Lets auth-service know that the login is in use. Nobody waits for it, and nothing is lost when it fails.
fn note_seen(auth: Arc<dyn AuthService>, refresh_token: SecretString) {
    tokio::spawn(async move {
        let grant = Grant::RefreshToken(&refresh_token);
        let _ = auth.issue_token(grant, "", Holder::Browser, None).await;
    });
}

/// Begins the session of somebody who just signed in. A login that no session can hold is ended again.
pub(super) async fn begin(
    state: &AppState,
    signed_in: SignedIn,
    client: &ClientInfo,
) -> Result<SessionId, Failure> {
    let refresh_token = signed_in.refresh_token.clone();
    match state.sessions.begin(signed_in).await {
        Ok(id) => Ok(id),
        Err(error) => {
            sign_out(&*state.auth, &*state.end_later, &refresh_token, client).await;
            Err(error.into())
        }
    }
}

/// Goes on in a session with a new id, after the person proved again who they are.
pub(super) async fn renew(
    state: &AppState,
    browser: AuthenticatedSession,
    authenticated_at: OffsetDateTime,
) -> Result<AuthenticatedSession, SessionError> {
    let renewed = state
        .sessions
        .renew((&browser.id, &browser.session.sid), authenticated_at)
        .await?;
    let (id, session) = renewed.ok_or(SessionError::NoSession)?;
    Ok(AuthenticatedSession { id, session })
}

/// For pages: without a session the person is sent to sign in.
pub(super) struct PageBrowser(pub(super) AuthenticatedSession);

/// For pages that act for the person.
pub(super) struct PageActor(pub(super) SessionWithToken);

fn page_refusal(refused: SessionError, parts: &Parts) -> PageRefusal {
    match refused {
        SessionError::NoProof
            if parts.method == Method::GET && dbsc::is_led_here(&parts.headers) =>
        {
            PageRefusal::SelfReload(SelfReload::at(&parts.uri))
        }
        SessionError::NoProof if !parts.method.is_safe() => {
            PageRefusal::Error(ErrorPage::no_device_proof(&parts.uri))
        }
        SessionError::NoSession | SessionError::NoProof => {
            PageRefusal::sign_in(&parts.method, &parts.uri)
        }
        SessionError::NotBound => PageRefusal::Error(ErrorPage::not_bound()),
        SessionError::Failed(failure) => PageRefusal::Error(failure.into()),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageBrowser
where
    AppState: FromRef<S>,
{
    type Rejection = PageRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRefusal> {
        let found =
            AuthenticatedSession::find(Visitor::of(parts), &AppState::from_ref(state)).await;
        found
            .map(Self)
            .map_err(|refused| page_refusal(refused, parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageActor
where
    AppState: FromRef<S>,
{
    type Rejection = PageRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRefusal> {
        let PageBrowser(browser) = PageBrowser::from_request_parts(parts, state).await?;
        let actor = browser.act(&AppState::from_ref(state)).await;
        actor
            .map(Self)
            .map_err(|refused| page_refusal(refused, parts))
    }
}

impl From<SessionError> for Problem {
    fn from(refused: SessionError) -> Self {
        match refused {
            SessionError::NoSession => Self::no_session(),
            SessionError::NoProof => Self::no_device_proof(),
            SessionError::NotBound => Self::not_bound(),
            SessionError::Failed(failure) => failure.into(),
        }
    }
}
