//! Who is signed in with this browser.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, Method, request::Parts},
};
use secrecy::SecretString;
use time::OffsetDateTime;

use super::{
    api::problem::Problem,
    client::{Peer, Visitor},
    cookies, device,
    failure::Failure,
    pages::{
        error::{ErrorPage, PageRefusal},
        load_again::LoadAgain,
    },
    state::AppState,
};
use crate::domain::{
    auth::{Auth, AuthError, Authorization, Client, ClientKind, Grant, Holder, RefusalKind},
    bindings::Shown,
    form_token::FormTokens,
    revocations::LoginState,
    session::Session,
    session_id::SessionId,
    sessions::{RecordsUnavailable, Sessions},
    sign_in::SignedIn,
    sign_out::sign_out,
};

/// A browser whose session and login are both alive.
pub(super) struct Browser {
    /// The secret of its cookie.
    pub(super) id: SessionId,
    /// The session.
    pub(super) session: Arc<Session>,
}

/// The same, with what acts for the person towards auth-service.
pub(super) struct Actor {
    /// The browser.
    pub(super) browser: Browser,
    /// Made for this request.
    pub(super) authorization: Authorization,
}

/// Why a request has no signed-in browser.
#[derive(Debug)]
pub(super) enum NotSignedIn {
    /// There is no session, or it is over.
    NoSession,
    /// The session is bound to a device, and nothing shows that it is this one.
    NoProof,
    /// The session has to be bound to a device, and this browser did not bind it.
    NotBound,
    /// It cannot be told now.
    Failed(Failure),
}

impl From<RecordsUnavailable> for NotSignedIn {
    fn from(error: RecordsUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl Browser {
    /// Opens the session that the cookie names, sees that its device is here, and notes that it was seen.
    pub(super) async fn find(visitor: Visitor<'_>, state: &AppState) -> Result<Self, NotSignedIn> {
        let mut browser = Self::open(visitor.headers, state).await?;
        let session = &mut browser.session;
        let bindings = &state.bindings;
        match bindings.judge(
            session,
            cookies::proof(visitor.headers, &state.cookie_names),
        ) {
            Shown::Enough => {}
            Shown::First => {
                let client = Peer::of(visitor, state).into_client(ClientKind::Browser);
                if !bindings.confirm(&browser.id, session, &client).await? {
                    return Err(NotSignedIn::NoSession);
                }
            }
            Shown::Unbound => return Err(NotSignedIn::NotBound),
            shown => return Err(no_proof(visitor, state, session, shown).await),
        }
        if state.sessions.should_note(session) {
            if !state.sessions.note_seen(&browser.id, session).await? {
                return Err(NotSignedIn::NoSession);
            }
            note_seen(Arc::clone(&state.auth), session.refresh_token.clone());
        }
        Ok(browser)
    }

    /// The session that the cookie names, whose login lives; whether its device is here is not looked at.
    pub(super) async fn open(headers: &HeaderMap, state: &AppState) -> Result<Self, NotSignedIn> {
        let id = cookies::session_id(headers, &state.cookie_names).ok_or(NotSignedIn::NoSession)?;
        let session = state.sessions.find(&id).await?;
        let session = session.ok_or(NotSignedIn::NoSession)?;
        match state.revocations.login(&session.sid, &session.epoch) {
            LoginState::Live => Ok(Self { id, session }),
            LoginState::Ended => Err(end_with_login(&state.sessions, &id, &session).await),
            LoginState::Unknown => Err(NotSignedIn::Failed(Failure::nothing_heard())),
        }
    }

    /// The token for the forms of its pages.
    pub(super) fn form_token(&self, tokens: &dyn FormTokens) -> String {
        tokens.session_token(&self.id, &self.session.user_id)
    }

    /// Asks auth-service for what acts for the person.
    pub(super) async fn act(self, state: &AppState) -> Result<Actor, NotSignedIn> {
        let grant = Grant::RefreshToken(&self.session.refresh_token);
        match state
            .auth
            .issue_token(grant, "", Holder::Browser, None)
            .await
        {
            Ok(tokens) => Ok(Actor {
                browser: self,
                authorization: Authorization {
                    access_token: tokens.access_token,
                    proof: None,
                },
            }),
            Err(AuthError::Refused(refusal)) if refusal.kind == RefusalKind::Unauthenticated => {
                Err(end_with_login(&state.sessions, &self.id, &self.session).await)
            }
            Err(error) => Err(NotSignedIn::Failed(error.into())),
        }
    }
}

/// A browser that says why its device was not asked is no thief's for it, and is not sent away where it was our fault.
async fn no_proof(
    visitor: Visitor<'_>,
    state: &AppState,
    session: &Session,
    shown: Shown,
) -> NotSignedIn {
    let was_not_answered = device::was_not_answered(visitor.headers, &session.sid);
    // A page of another site led here, and then browsers do not ask the device.
    let is_explained = was_not_answered || device::is_led_here(visitor.headers);
    let client = Peer::of(visitor, state).into_client(ClientKind::Browser);
    let bindings = &state.bindings;
    let told = bindings
        .suspect(session, shown, is_explained, &client)
        .await;
    match told {
        Err(error) => error.into(),
        Ok(()) if was_not_answered => NotSignedIn::Failed(Failure::device_not_asked()),
        Ok(()) => NotSignedIn::NoProof,
    }
}

/// The login has ended: so has the session.
async fn end_with_login(sessions: &Sessions, id: &SessionId, session: &Session) -> NotSignedIn {
    tracing::info!(sid = session.sid, "a session ended with its login");
    match sessions.end(id).await {
        Ok(()) => NotSignedIn::NoSession,
        Err(error) => error.into(),
    }
}

/// Lets auth-service know that the login is in use. Nobody waits for it, and nothing is lost when it fails.
fn note_seen(auth: Arc<dyn Auth>, refresh_token: SecretString) {
    tokio::spawn(async move {
        let grant = Grant::RefreshToken(&refresh_token);
        let _ = auth.issue_token(grant, "", Holder::Browser, None).await;
    });
}

/// Begins the session of somebody who just signed in. A login that no session can hold is ended again.
pub(super) async fn begin(
    state: &AppState,
    signed_in: SignedIn,
    client: &Client,
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
    browser: Browser,
    authenticated_at: OffsetDateTime,
) -> Result<Browser, NotSignedIn> {
    let renewed = state
        .sessions
        .renew((&browser.id, &browser.session.sid), authenticated_at)
        .await?;
    let (id, session) = renewed.ok_or(NotSignedIn::NoSession)?;
    Ok(Browser { id, session })
}

/// For pages: without a session the person is sent to sign in.
pub(super) struct PageBrowser(pub(super) Browser);

/// For pages that act for the person.
pub(super) struct PageActor(pub(super) Actor);

fn page_refusal(refused: NotSignedIn, parts: &Parts) -> PageRefusal {
    match refused {
        NotSignedIn::NoProof
            if parts.method == Method::GET && device::is_led_here(&parts.headers) =>
        {
            PageRefusal::LoadAgain(LoadAgain::at(&parts.uri))
        }
        NotSignedIn::NoProof if !parts.method.is_safe() => {
            PageRefusal::Error(ErrorPage::no_device_proof(&parts.uri))
        }
        NotSignedIn::NoSession | NotSignedIn::NoProof => {
            PageRefusal::sign_in(&parts.method, &parts.uri)
        }
        NotSignedIn::NotBound => PageRefusal::Error(ErrorPage::not_bound()),
        NotSignedIn::Failed(failure) => PageRefusal::Error(failure.into()),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageBrowser
where
    AppState: FromRef<S>,
{
    type Rejection = PageRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageRefusal> {
        let found = Browser::find(Visitor::of(parts), &AppState::from_ref(state)).await;
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

impl From<NotSignedIn> for Problem {
    fn from(refused: NotSignedIn) -> Self {
        match refused {
            NotSignedIn::NoSession => Self::no_session(),
            NotSignedIn::NoProof => Self::no_device_proof(),
            NotSignedIn::NotBound => Self::not_bound(),
            NotSignedIn::Failed(failure) => failure.into(),
        }
    }
}
