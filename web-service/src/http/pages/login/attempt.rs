//! The sign-in of a browser over its steps, and its completion: a session in place of the previous one.

use axum::{
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse as _, Redirect, Response},
};
use holdfast_client::{
    AuthError, AuthenticationState, AuthenticationStep, ClientInfo, ClientKind, DeviceId, Login,
    NextSteps, Person, SignInOptions,
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use secrecy::SecretString;

use crate::{
    http::{
        dbsc,
        pages::login::fresh_nonce,
        set_cookie::{self, with_cookie},
        state::AppState,
    },
    request::{cookies, local_path::LocalPath, next_query, source::RequestSource},
    service_error::ServiceError,
    session::{
        codec::attempt_cookie::AttemptScope,
        device_binding::{DeviceBinding, DeviceProofStatus},
        session_id::SessionId,
        sign_in::complete,
        sign_out::sign_out,
        trusted_browser::{TrustedBrowserCookie, thumbprint},
    },
};

static NOT_REMOVED: LogRateLimiter = LogRateLimiter::new("session.removal_failed");

/// The page that asks for a further factor.
pub(super) const FACTOR: &str = "/login/factor";

/// The state of a sign-in after a step.
pub(super) type SignInState = AuthenticationState<(Person, Login)>;

/// Why a step has no answer.
pub(super) enum SignInFailure {
    /// auth-service refused it, or does not answer: an error of the form.
    Refused(AuthError),
    /// The sign-in is complete and its session cannot begin.
    Failed(ServiceError),
}

impl From<AuthError> for SignInFailure {
    fn from(error: AuthError) -> Self {
        Self::Refused(error)
    }
}

impl From<ServiceError> for SignInFailure {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

/// What a trusted browser presents in place of the second factor.
struct PresentedTrust {
    token: SecretString,
    /// The thumbprint of the device key that it has proved; `None` if it is not bound to one.
    jkt: Option<String>,
}

impl PresentedTrust {
    /// `None` for a browser that is not trusted, or is bound to a key that it has not proved, or not bound where it must be.
    fn read(state: &AppState, headers: &HeaderMap) -> Option<Self> {
        let names = state.cookie_names();
        let browser = cookies::trusted_browser(headers, names)?;
        if browser.key.is_none() {
            let may_be_unbound = state.bindings.policy.binding != DeviceBinding::Require;
            return may_be_unbound.then_some(Self {
                token: browser.token,
                jkt: None,
            });
        }
        let proof = cookies::trusted_proof(headers, names);
        let key = state.bindings.proved_trust_key(&browser, proof)?;
        Some(Self {
            jkt: Some(thumbprint(key)?),
            token: browser.token,
        })
    }
}

/// A sign-in of the browser that sent a request, by its form.
pub(super) struct BrowserSignIn<'a> {
    state: &'a AppState,
    headers: &'a HeaderMap,
    nonce: [u8; 16],
    device: DeviceId,
    client: ClientInfo,
    trust: Option<PresentedTrust>,
}

impl<'a> BrowserSignIn<'a> {
    /// The sign-in by the form with this random value.
    pub(super) fn new(
        state: &'a AppState,
        headers: &'a HeaderMap,
        request: &RequestSource<'_>,
        nonce: [u8; 16],
    ) -> Self {
        let client = request.client_info_as(ClientKind::Browser);
        let fresh = || DeviceId::new(fresh_nonce(&*state.random));
        let device = client.device.clone().unwrap_or_else(fresh);
        Self {
            state,
            headers,
            nonce,
            client: ClientInfo {
                device: Some(device.clone()),
                ..client
            },
            device,
            trust: PresentedTrust::read(state, headers),
        }
    }

    /// Verifies a first step for this username: the password, or a recovery code in place of a passkey.
    pub(super) async fn start(
        &self,
        username: &str,
        step: AuthenticationStep<'_>,
    ) -> Result<SignInState, AuthError> {
        let options = self.options(false);
        let auth = &self.state.auth;
        auth.start_authentication(username, Some(step), options, &self.client)
            .await
    }

    /// Continues the attempt by a step.
    pub(super) async fn proceed(
        &self,
        attempt: &SecretString,
        step: AuthenticationStep<'_>,
        trust_browser: bool,
    ) -> Result<SignInState, AuthError> {
        let options = self.options(trust_browser);
        let auth = &self.state.auth;
        auth.continue_authentication(attempt, step, options, &self.client)
            .await
    }

    fn options(&self, trust_browser: bool) -> SignInOptions<'_> {
        SignInOptions {
            form: Some(&self.nonce),
            trusted_browser: self.trust.as_ref().map(|trust| &trust.token),
            device_key: self.trust.as_ref().and_then(|one| one.jkt.as_deref()),
            trust_browser,
        }
    }

    /// The response to a step: a redirect to `target`, or to the page that asks for a further factor.
    pub(super) async fn answer(
        &self,
        answer: SignInState,
        target: &LocalPath,
    ) -> Result<Response, SignInFailure> {
        match answer {
            AuthenticationState::Done((person, login)) => self.finish(person, login, target).await,
            AuthenticationState::Next(steps) => Ok(self.ask_further(&steps, target)?),
        }
    }

    fn ask_further(&self, steps: &NextSteps, target: &LocalPath) -> Result<Response, ServiceError> {
        let scope = AttemptScope::SignIn(&self.nonce);
        let cookie = self.state.attempts.seal(scope, steps);
        let cookie = cookie.ok_or(ServiceError::Internal)?;
        let page = next_query::page_with(FACTOR, Some(target.as_str()), false);
        let cookie = set_cookie::set_attempt(self.state.cookie_names(), &cookie);
        Ok(with_cookie(Redirect::to(&page).into_response(), cookie))
    }

    /// Begins the session of a login, ends the previous session of this browser, and redirects.
    async fn finish(
        &self,
        person: Person,
        login: Login,
        target: &LocalPath,
    ) -> Result<Response, SignInFailure> {
        let state = self.state;
        let trusted = self.trusted_cookie(&login);
        let token = login.trusted_browser.as_ref();
        let token = token.map(|(token, _)| token.clone());
        let signed_in = complete(&state.auth, person, login).await?;
        let sid = signed_in.login.sid.clone();
        let id = state.authenticator.begin(signed_in, &self.client).await?;
        if let Some(old) = cookies::session_id(self.headers, state.cookie_names()) {
            self.end_previous((&old, &sid)).await;
        }
        let response = Redirect::to(target.as_str()).into_response();
        let response = dbsc::with_registrations(response, state, (&sid, token.as_ref()));
        let names = state.cookie_names();
        let response = with_cookie(response, set_cookie::set_session(names, &id));
        let known = set_cookie::set_known(names, &self.device, state.csrf_tokens());
        let response = with_cookie(response, known);
        let response = with_cookie(response, set_cookie::remove_login(names));
        let response = with_cookie(response, trusted);
        if cookies::attempt(self.headers, names).is_none() {
            return Ok(response);
        }
        Ok(with_cookie(response, set_cookie::remove_attempt(names)))
    }

    /// The cookie of a browser that is trusted from now on.
    fn trusted_cookie(&self, login: &Login) -> Option<HeaderValue> {
        let (token, expires_at) = login.trusted_browser.as_ref()?;
        let lifetime = *expires_at - login.authenticated_at;
        let cookie = TrustedBrowserCookie {
            token: token.clone(),
            key: None,
        };
        set_cookie::set_trusted(self.state.cookie_names(), &cookie, lifetime)
    }

    /// Ends the previous session and its login; a failure does not affect the response. A session that is bound to another device does not
    /// end, and neither does the login of the new session: the same form may have begun it before.
    async fn end_previous(&self, (id, new_sid): (&SessionId, &str)) {
        let state = self.state;
        if let Ok(Some(session)) = state.sessions.find(id).await {
            let proof = cookies::proof(self.headers, state.cookie_names());
            let status = state.bindings.proof_status(&session, proof);
            if matches!(
                status,
                DeviceProofStatus::Missing | DeviceProofStatus::Expired
            ) {
                return;
            }
            if session.sid != new_sid {
                let deferred = &state.deferred_sign_out;
                let refresh_token = &session.refresh_token;
                sign_out(&state.auth, deferred, refresh_token, &self.client).await;
            }
        }
        if let Err(error) = state.sessions.end(id).await {
            NOT_REMOVED.log(|sessions| {
                tracing::warn!(event = "session.removal_failed", %error, sessions, "a replaced session could not be removed; it expires");
            });
        }
    }
}
