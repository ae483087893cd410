//! Token verification for applications.

use std::{sync::Arc, time::Duration};

use holdfast_core::clock::SystemClock;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    auth_client::AuthClient,
    authorization::DpopProof,
    calls::validate::Claims,
    config::{AuthConfig, ConfigError},
    error::AuthError,
    revocation::watcher::RevocationWatcher,
    token_verifier::CachingTokenVerifier,
};

/// Only for [`RevocationWatcher::login_state`], which tokens do not need.
const MAX_STALENESS: Duration = Duration::from_mins(1);

/// Verifies access tokens for one audience. Clones share connections and cache; background tasks end with the last clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    tokens: CachingTokenVerifier,
    audience: String,
    _stop: DropGuard,
}

impl Verifier {
    /// Starts to follow the revocation stream, and waits for its first message for a tenth of a second at most. An auth-service that
    /// is unavailable is no error: it is connected to as soon as it is available, and until then
    /// [`verify`](Self::verify) returns [`AuthError::Unavailable`]. Must be called within a tokio runtime.
    ///
    /// `audience` is the `aud` of accepted tokens; where it is empty, the issuer's first audience.
    pub async fn connect(
        config: &AuthConfig,
        audience: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        let auth = AuthClient::new(config)?;
        let clock = Arc::new(SystemClock);
        let revocations = RevocationWatcher::new(clock.clone(), MAX_STALENESS, &auth);
        let tokens = CachingTokenVerifier::new(auth.clone(), revocations.clone(), clock.clone());
        let shutdown = CancellationToken::new();
        // Files are watched; nothing else asks to reload them.
        let (_, reload) = watch::channel(());
        let certificates = auth
            .clone()
            .keep_certificates_current(clock, reload, shutdown.clone());
        tokio::spawn(certificates);
        tokio::spawn(revocations.clone().follow(auth, shutdown.clone()));
        revocations.wait_for_first_message().await;
        Ok(Self(Arc::new(Inner {
            tokens,
            audience: audience.into(),
            _stop: shutdown.drop_guard(),
        })))
    }

    /// The claims of a valid bearer token that has all of `scopes`.
    pub async fn verify(&self, token: &str, scopes: &[&str]) -> Result<Arc<Claims>, AuthError> {
        let Inner {
            tokens, audience, ..
        } = &*self.0;
        tokens.validate(token, None, audience, scopes).await
    }

    /// The claims of a valid token that is bound to the key of `proof` and has all of `scopes`.
    pub async fn verify_bound(
        &self,
        token: &str,
        proof: &DpopProof,
        scopes: &[&str],
    ) -> Result<Arc<Claims>, AuthError> {
        let Inner {
            tokens, audience, ..
        } = &*self.0;
        tokens.validate(token, Some(proof), audience, scopes).await
    }
}
