//! When a session cookie is a signed-in person: cookie, device proof and client info in, an authenticated session out.

use std::sync::Arc;

use holdfast_client::{
    AuthClient, AuthError, Authorization, AuthorizationGrant, ClientInfo, Holder, LoginState,
    Reauthenticated, RefusalKind, RetryQueue, RevocationWatcher,
};
use secrecy::SecretString;

use crate::{
    service_error::ServiceError,
    session::{
        browser_session::Session,
        csrf_token::CsrfTokens,
        device_binding::{DeviceBindings, DeviceProofStatus},
        session_id::SessionId,
        session_request::SessionRequest,
        sessions::Sessions,
        sign_in::SignedIn,
        sign_out::sign_out,
        unavailable::RecordsUnavailable,
    },
};

/// Authenticates requests by their session cookie.
#[derive(Clone)]
pub struct SessionAuthenticator {
    /// Issues access tokens for the account's owner.
    pub auth: AuthClient,
    /// Ends logins that auth-service could not be asked to end.
    pub deferred_sign_out: RetryQueue,
    /// Which logins have ended.
    pub revocations: RevocationWatcher,
    /// The session records and their timeouts.
    pub sessions: Sessions,
    /// Their bindings to devices.
    pub bindings: DeviceBindings,
}

/// A session that is not over, of a login that is alive.
pub struct AuthenticatedSession {
    /// The secret of the session cookie.
    pub id: SessionId,
    /// The session record.
    pub record: Arc<Session>,
}

/// An authenticated session with an access token.
pub struct SessionWithToken {
    /// The session that the token was issued for.
    pub session: AuthenticatedSession,
    /// Acts for the account's owner towards auth-service; made for one request.
    pub authorization: Authorization,
}

/// Why a request has no authenticated session.
#[derive(Debug)]
pub enum SessionError {
    /// There is no session cookie, or its session or login is over.
    NoSession,
    /// The session is bound to a device, and the request has no valid device proof.
    NoDeviceProof,
    /// Sessions have to be bound to a device, and this one is not.
    NotBound,
    /// It cannot be decided now.
    Failed(ServiceError),
}

impl From<RecordsUnavailable> for SessionError {
    fn from(error: RecordsUnavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl AuthenticatedSession {
    /// The CSRF token for the forms of this session's pages.
    #[must_use]
    pub fn csrf_token(&self, tokens: &dyn CsrfTokens) -> String {
        tokens.session_token(&self.id, &self.record.user_id)
    }
}

impl SessionAuthenticator {
    /// Authenticates a request: the session of its cookie, with the device proof that the session needs. Once a minute records that
    /// the session is in use.
    ///
    /// # Errors
    /// [`SessionError`], each variant.
    pub async fn authenticate(
        &self,
        request: &impl SessionRequest,
    ) -> Result<AuthenticatedSession, SessionError> {
        let mut found = self.open(request).await?;
        let session = &mut found.record;
        match self.bindings.proof_status(session, request.proof_cookie()) {
            DeviceProofStatus::Sufficient => {}
            DeviceProofStatus::FirstProof => {
                let client = request.client_info();
                if !self.bindings.confirm(&found.id, session, &client).await? {
                    return Err(SessionError::NoSession);
                }
            }
            DeviceProofStatus::Unbound => return Err(SessionError::NotBound),
            status => return Err(self.no_proof(request, session, status).await),
        }
        if self.sessions.should_record_seen(session) {
            if !self.sessions.record_seen(&found.id, session).await? {
                return Err(SessionError::NoSession);
            }
            note_seen(self.auth.clone(), session.refresh_token.clone());
        }
        Ok(found)
    }

    /// The session of the cookie, whose login is alive, without a look at the device proof.
    ///
    /// # Errors
    /// [`SessionError::NoSession`] and [`SessionError::Failed`].
    pub async fn open(
        &self,
        request: &impl SessionRequest,
    ) -> Result<AuthenticatedSession, SessionError> {
        let id = request.session_id().ok_or(SessionError::NoSession)?;
        let record = self.sessions.find(&id).await?;
        let record = record.ok_or(SessionError::NoSession)?;
        match self.revocations.login_state(&record.sid, &record.epoch) {
            LoginState::Live => Ok(AuthenticatedSession { id, record }),
            LoginState::Ended => Err(self.end_with_login(&id, &record).await),
            LoginState::Unknown => Err(SessionError::Failed(ServiceError::revocations_stale())),
        }
    }

    /// Obtains an access token that acts for the account's owner.
    ///
    /// # Errors
    /// [`SessionError::NoSession`] where the login has ended, and [`SessionError::Failed`].
    pub async fn access_token(
        &self,
        session: AuthenticatedSession,
    ) -> Result<SessionWithToken, SessionError> {
        let grant = AuthorizationGrant::RefreshToken(&session.record.refresh_token);
        let issued = self.auth.issue_token(grant, "", Holder::Browser, None);
        match issued.await {
            Ok(tokens) => Ok(SessionWithToken {
                session,
                authorization: Authorization {
                    access_token: tokens.access_token,
                    proof: None,
                },
            }),
            Err(AuthError::Refused(refusal)) if refusal.kind == RefusalKind::Unauthenticated => {
                Err(self.end_with_login(&session.id, &session.record).await)
            }
            Err(error) => Err(SessionError::Failed(error.into())),
        }
    }

    /// Begins the session of a person who just signed in. A login without a session is ended again.
    ///
    /// # Errors
    /// Where the session store does not answer.
    pub async fn begin(
        &self,
        signed_in: SignedIn,
        client: &ClientInfo,
    ) -> Result<SessionId, ServiceError> {
        let refresh_token = signed_in.refresh_token.clone();
        match self.sessions.start(signed_in).await {
            Ok(id) => Ok(id),
            Err(error) => {
                let deferred = &self.deferred_sign_out;
                sign_out(&self.auth, deferred, &refresh_token, client).await;
                Err(error.into())
            }
        }
    }

    /// Continues a session under a new id, after its owner authenticated again.
    ///
    /// # Errors
    /// [`SessionError::NoSession`] where it ended meanwhile, and [`SessionError::Failed`].
    pub async fn renew(
        &self,
        session: AuthenticatedSession,
        latest: &Reauthenticated,
    ) -> Result<AuthenticatedSession, SessionError> {
        let old = (&session.id, session.record.sid.as_str());
        let renewed = self.sessions.renew(old, latest).await?;
        let (id, record) = renewed.ok_or(SessionError::NoSession)?;
        Ok(AuthenticatedSession { id, record })
    }

    /// A missing proof that the browser explains is not a sign of theft, and one that this service failed to answer signs nobody
    /// out.
    async fn no_proof(
        &self,
        request: &impl SessionRequest,
        session: &Session,
        status: DeviceProofStatus,
    ) -> SessionError {
        let is_unanswered = request.is_proof_unanswered(&session.sid);
        let is_explained = is_unanswered || request.is_cross_site_navigation();
        let client = request.client_info();
        let reported = self
            .bindings
            .report_possible_theft(session, status, is_explained, &client)
            .await;
        match reported {
            Err(error) => error.into(),
            Ok(()) if is_unanswered => SessionError::Failed(ServiceError::device_not_asked()),
            Ok(()) => SessionError::NoDeviceProof,
        }
    }

    /// Removes the session of a login that has ended.
    async fn end_with_login(&self, id: &SessionId, session: &Session) -> SessionError {
        tracing::info!(
            event = "session.removed_with_login",
            sid = session.sid,
            "a session was removed, as its login has ended"
        );
        match self.sessions.end(id).await {
            Ok(()) => SessionError::NoSession,
            Err(error) => error.into(),
        }
    }
}

/// Reports to auth-service that the login is in use, without waiting for it: a failure loses nothing.
fn note_seen(auth: AuthClient, refresh_token: SecretString) {
    tokio::spawn(async move {
        let grant = AuthorizationGrant::RefreshToken(&refresh_token);
        let _ = auth.issue_token(grant, "", Holder::Browser, None).await;
    });
}
