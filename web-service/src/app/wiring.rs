//! Constructs the shared state of all handlers, and connects its parts.

use std::sync::Arc;

use holdfast_client::{AuthClient, CachingTokenVerifier, RetryQueue, RevocationWatcher};
use holdfast_core::{clock::Clock, secret_key::SecretKey};
use holdfast_crypto::random::SystemRandom;
use holdfast_server_kit::request_limit::RequestLimit;

use crate::{
    app::session_store::SessionStore,
    config::PublicUrl,
    forward_auth::decision::ForwardAuth,
    http::{
        self,
        cors::BrowserOrigins,
        events::{EventStreams, Receivers},
        signals::EventPolls,
        state::{AppState, Dependencies, SiteData},
    },
    request::{probe::Probes, redirect_origins::AllowedRedirectOrigins, source::RequestReader},
    session::{
        authenticator::SessionAuthenticator,
        browser_session::Lifetimes,
        codec::{
            acknowledgement::AcknowledgementCodec, attempt_cookie::AttemptCookies, dbsc::DbscCodec,
        },
        device_binding::{BindingPolicy, DeviceBinding, DeviceBindings},
        sessions::Sessions,
    },
};

/// What the state is made from.
pub(super) struct Parts {
    pub(super) auth: AuthClient,
    pub(super) revocations: RevocationWatcher,
    pub(super) store: SessionStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) public_url: PublicUrl,
    pub(super) secret_key: SecretKey,
    pub(super) requests: RequestReader,
    pub(super) redirect_origins: AllowedRedirectOrigins,
    pub(super) lifetimes: Lifetimes,
    pub(super) device_binding: BindingPolicy,
    pub(super) clear_site_data: bool,
}

/// Constructs the state.
pub(super) fn state(parts: Parts) -> AppState {
    let has_other_origins = parts.redirect_origins.has_others(&parts.public_url.origin);
    log_disabled_binding(parts.device_binding, has_other_origins);
    let random = Arc::new(SystemRandom);
    let (auth, revocations) = (parts.auth, parts.revocations);
    let retry_queue = RetryQueue::start(auth.clone());
    let sessions = Sessions::new(parts.store.records, parts.clock.clone(), parts.lifetimes);
    let bindings = DeviceBindings {
        policy: parts.device_binding,
        proofs: Arc::new(DbscCodec::new(&parts.secret_key, random.clone())),
        has_other_origins,
        replay_cache: parts.store.replay_cache,
        sessions: sessions.clone(),
        reports: retry_queue.clone(),
        clock: parts.clock.clone(),
    };
    let authenticator = SessionAuthenticator {
        auth: auth.clone(),
        deferred_sign_out: retry_queue.clone(),
        revocations: revocations.clone(),
        sessions: sessions.clone(),
        bindings: bindings.clone(),
    };
    let verifier =
        CachingTokenVerifier::new(auth.clone(), revocations.clone(), parts.clock.clone());
    let public_url = Arc::new(parts.public_url);
    let redirect_origins = Arc::new(parts.redirect_origins);
    let forward_auth = ForwardAuth {
        verifier: verifier.clone(),
        authenticator: authenticator.clone(),
        revocations: revocations.clone(),
        clock: parts.clock.clone(),
        public_url: public_url.clone(),
        redirect_origins: redirect_origins.clone(),
    };
    let receivers = Receivers::new(revocations.clone(), parts.clock.clone());
    AppState::from(Dependencies {
        browser_origins: BrowserOrigins::new(auth.clone()),
        event_streams: EventStreams::new(auth.clone(), receivers.clone()),
        event_polls: EventPolls::new(auth.clone(), receivers.separate()),
        auth,
        verifier,
        revocations,
        deferred_sign_out: retry_queue,
        sessions,
        bindings,
        authenticator,
        forward_auth,
        requests: parts.requests,
        probes: Probes::new(&parts.secret_key, parts.clock.clone()),
        attempts: AttemptCookies::new(&parts.secret_key, parts.clock.clone()),
        acknowledgements: AcknowledgementCodec::new(&parts.secret_key, parts.clock.clone()),
        random,
        redirect_origins,
        request_limit: Arc::new(RequestLimit::new(http::PLACES)),
        site_data: SiteData {
            is_cleared: parts.clear_site_data,
        },
        public_url,
    })
}

/// Browsers do not renew the device proof for requests to other origins.
fn log_disabled_binding(policy: BindingPolicy, has_other_origins: bool) {
    if has_other_origins && policy.binding == DeviceBinding::Prefer {
        tracing::info!(
            event = "device_binding.disabled",
            "sessions are not bound to devices: WEB_RETURN_ORIGINS lists applications at other origins, where browsers do not \
             renew the proof; WEB_DEVICE_BINDING=require binds them nevertheless"
        );
    }
}
