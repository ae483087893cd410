//! Readiness for the ops port: whether what requests depend on is available.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_client::{AuthClient, RevocationWatcher};
use holdfast_server_kit::{ops::Readiness, request_limit::RequestLimit};

use crate::session::{sessions::Sessions, store::redis::BreakerStore};

/// Ready while auth-service, the revocation stream and the session store are available, and requests are not shed.
pub(super) struct DependencyReadiness {
    pub(super) auth: AuthClient,
    pub(super) revocations: RevocationWatcher,
    pub(super) sessions: Sessions,
    pub(super) redis: Option<Arc<BreakerStore>>,
    pub(super) request_limit: Arc<RequestLimit>,
}

#[async_trait]
impl Readiness for DependencyReadiness {
    async fn ready(&self) -> Result<Option<String>, String> {
        self.request_limit.readiness()?;
        self.auth
            .jwks()
            .await
            .map_err(|error| format!("auth-service: {error}"))?;
        self.revocations.readiness()?;
        self.redis.as_ref().map_or(Ok(()), |redis| redis.is_fit())?;
        self.sessions
            .ping()
            .await
            .map_err(|error| error.to_string())?;
        Ok(None)
    }
}
