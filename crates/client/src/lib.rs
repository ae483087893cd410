#![doc = include_str!("../README.md")]

mod auth_client;
mod authorization;
pub mod authorization_header;
mod calls;
mod client_info;
mod config;
mod error;
pub mod inspection;
mod pending_revocations;
mod reason;
pub mod request_id;
mod require_token;
mod retry_after;
mod retry_queue;
mod revocation;
mod token_verifier;
mod transport;
mod verifier;

pub use auth_client::AuthClient;
pub use authorization::{Authorization, DpopProof};
pub use calls::{
    account::{Account, PasswordChange},
    applications::Application,
    authentication::{
        AuthenticationFactor, AuthenticationState, AuthenticationStep, NextSteps, Reauthenticated,
        SignInOptions, SufficientAuthentication, TotpSetUp,
    },
    authorization::{
        AuthorizationFlow, AuthorizationParameters, AuthorizationRedirect, AuthorizationStep,
        ConsentDecision, ConsentQuestion, LogoutExamination, LogoutRequest, PushOutcome,
        ResponseMode,
    },
    device::{DeviceEvent, DeviceReport},
    factors::{FactorKind, FactorRecord, SecurityEvent, SecurityOverview, TotpEnrolment},
    introspect::Introspection,
    jwks::{Jwk, Jwks},
    login::{Login, Person},
    logins::{GrantRecord, LoginRecord},
    oauth_client::{ClientAuthentication, ClientCredentials},
    passkeys::PasskeyRegistration,
    registration::{ClientRegistration, RegisteredAuthMethod, RegisteredClient},
    signals::{EventStream, EventStreamChange, PolledEvents, StreamStatus},
    token::{AuthorizationGrant, CodeExchange, Holder, Tokens},
    trusted_browsers::TrustedBrowser,
    validate::Claims,
};
pub use config::{AuthConfig, ConfigError};
pub use error::{AuthError, Refusal, RefusalKind};
pub use holdfast_core::client_info::{ClientInfo, ClientKind, DeviceId};
pub use reason::{ErrorReason, Reason};
pub use require_token::{RequireToken, RequireTokenService};
pub use retry_after::retry_after_seconds;
pub use retry_queue::RetryQueue;
#[cfg(feature = "events")]
pub use revocation::event_source::EventSource;
pub use revocation::{
    CacheEpoch, LoginState, RevocableIds,
    event::{EventId, InvalidEventId, RevocationEntry, RevocationEvent, RevokedId},
    events::RevocationEvents,
    watcher::RevocationWatcher,
};
pub use token_verifier::CachingTokenVerifier;
pub use verifier::Verifier;

/// Adds the metrics of token verification, of revocations that this process requested and of circuit breakers to a registry.
/// [`RevocationWatcher::register`] adds those of the revocation stream.
pub fn register_metrics(registry: &mut holdfast_metrics::Registry) {
    token_verifier::register(registry);
    pending_revocations::register(registry);
    holdfast_circuit_breaker::register(registry);
}
