//! What handlers can ask for.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use holdfast_client::{
    auth::AuthService, retry_queue::DeferredSignOut, revocations::Revocations,
    token_verifier::CachingTokenVerifier,
};
use holdfast_core::{clock::Clock, random::Random};
use holdfast_server_kit::request_limit::RequestLimit;

use crate::{
    config::PublicUrl,
    request::{
        cookie_names::CookieNames, redirect_origins::AllowedRedirectOrigins,
        trusted_proxies::TrustedProxies,
    },
    session::{csrf_token::CsrfTokens, device_binding::DeviceBindings, sessions::Sessions},
};

/// What becomes of what browsers keep for this site.
#[derive(Clone, Copy, Debug)]
pub struct SiteData {
    /// Whether it is cleared at sign-out, in sibling hosts, too.
    pub is_cleared: bool,
}

/// Everything; a handler names only what it uses. Clones are cheap: every layer makes one for every request.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// What it is made of.
pub struct Parts {
    /// auth-service.
    pub auth: Arc<dyn AuthService>,
    /// Judges access tokens.
    pub verify: CachingTokenVerifier,
    /// What auth-service told of ended logins.
    pub revocations: Arc<dyn Revocations>,
    /// Sign-outs while auth-service is away.
    pub end_later: Arc<dyn DeferredSignOut>,
    /// Browser sessions.
    pub sessions: Sessions,
    /// Their bindings to devices.
    pub bindings: DeviceBindings,
    /// What cookies are called.
    pub cookie_names: Arc<CookieNames>,
    /// Form tokens.
    pub form_tokens: Arc<dyn CsrfTokens>,
    /// Fresh nonces.
    pub random: Arc<dyn Random>,
    /// Whose word counts about where a request came from.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// Where people may be sent back to after signing in.
    pub return_origins: Arc<AllowedRedirectOrigins>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many requests are worked on at once.
    pub request_limit: Arc<RequestLimit>,
    /// What becomes of what browsers keep for this site.
    pub site_data: SiteData,
    /// Where people reach this service.
    pub public_url: Arc<PublicUrl>,
}

impl From<Parts> for AppState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

macro_rules! gives {
    ($($field:ident: $part:ty),+ $(,)?) => {
        $(
            impl FromRef<AppState> for $part {
                fn from_ref(state: &AppState) -> Self {
                    state.$field.clone()
                }
            }
        )+
    };
}

gives! {
    auth: Arc<dyn AuthService>,
    end_later: Arc<dyn DeferredSignOut>,
    revocations: Arc<dyn Revocations>,
    sessions: Sessions,
    form_tokens: Arc<dyn CsrfTokens>,
    cookie_names: Arc<CookieNames>,
    return_origins: Arc<AllowedRedirectOrigins>,
    public_url: Arc<PublicUrl>,
}
