//! The shared state of all handlers.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use holdfast_client::{AuthClient, CachingTokenVerifier, RetryQueue, RevocationWatcher};
use holdfast_core::random::Random;
use holdfast_server_kit::request_limit::RequestLimit;

use crate::{
    config::PublicUrl,
    forward_auth::decision::ForwardAuth,
    http::{cors::BrowserOrigins, events::EventStreams, signals::EventPolls},
    request::{
        cookie_names::CookieNames, probe::Probes, redirect_origins::AllowedRedirectOrigins,
        source::RequestReader,
    },
    session::{
        authenticator::SessionAuthenticator,
        codec::{acknowledgement::AcknowledgementCodec, attempt_cookie::AttemptCookies},
        csrf_token::CsrfTokens,
        device_binding::DeviceBindings,
        sessions::Sessions,
    },
};

/// What happens to the data that browsers keep for this site.
#[derive(Clone, Copy, Debug)]
pub struct SiteData {
    /// Whether sign-out clears it (`Clear-Site-Data`), that of sibling hosts included.
    pub is_cleared: bool,
}

/// The state of all handlers; each takes only the part that it uses. A clone is one reference count.
#[derive(Clone)]
pub struct AppState(Arc<Dependencies>);

/// What handlers depend on.
pub struct Dependencies {
    /// Calls to auth-service.
    pub auth: AuthClient,
    /// Validates access tokens.
    pub verifier: CachingTokenVerifier,
    /// Which logins and tokens are revoked.
    pub revocations: RevocationWatcher,
    /// Sign-outs that auth-service could not be asked for.
    pub deferred_sign_out: RetryQueue,
    /// Browser sessions.
    pub sessions: Sessions,
    /// The bindings of sessions to devices.
    pub bindings: DeviceBindings,
    /// Authenticates session cookies.
    pub authenticator: SessionAuthenticator,
    /// Decides about requests to applications.
    pub forward_auth: ForwardAuth,
    /// Reads who sent a request, and its cookies.
    pub requests: RequestReader,
    /// Verifies probes of `doctor`.
    pub probes: Probes,
    /// Encrypts the cookies of authentications that are in progress.
    pub attempts: AttemptCookies,
    /// Signs the cookies of acknowledged security events.
    pub acknowledgements: AcknowledgementCodec,
    /// Makes nonces.
    pub random: Arc<dyn Random>,
    /// The origins of applications that people may be redirected to.
    pub redirect_origins: Arc<AllowedRedirectOrigins>,
    /// Streams of revocations for applications.
    pub event_streams: EventStreams,
    /// Answers receivers that poll the events of their streams.
    pub event_polls: EventPolls,
    /// The origins of pages that call endpoints of OAuth.
    pub browser_origins: BrowserOrigins,
    /// The number of requests that are processed at once.
    pub request_limit: Arc<RequestLimit>,
    /// What sign-out does to the data that browsers keep.
    pub site_data: SiteData,
    /// The URL of this service as browsers see it.
    pub public_url: Arc<PublicUrl>,
}

impl Dependencies {
    /// The names of the cookies of this installation.
    #[must_use]
    pub fn cookie_names(&self) -> &CookieNames {
        &self.requests.cookie_names
    }

    /// Makes and checks CSRF tokens.
    #[must_use]
    pub fn csrf_tokens(&self) -> &dyn CsrfTokens {
        &*self.requests.csrf_tokens
    }
}

impl From<Dependencies> for AppState {
    fn from(dependencies: Dependencies) -> Self {
        Self(Arc::new(dependencies))
    }
}

impl Deref for AppState {
    type Target = Dependencies;

    fn deref(&self) -> &Dependencies {
        &self.0
    }
}

macro_rules! impl_from_ref {
    ($($($field:ident).+: $part:ty),+ $(,)?) => {
        $(
            impl FromRef<AppState> for $part {
                fn from_ref(state: &AppState) -> Self {
                    state.$($field).+.clone()
                }
            }
        )+
    };
}

impl_from_ref! {
    auth: AuthClient,
    deferred_sign_out: RetryQueue,
    revocations: RevocationWatcher,
    sessions: Sessions,
    requests.csrf_tokens: Arc<dyn CsrfTokens>,
    requests.cookie_names: Arc<CookieNames>,
    redirect_origins: Arc<AllowedRedirectOrigins>,
    public_url: Arc<PublicUrl>,
    event_streams: EventStreams,
    event_polls: EventPolls,
}
