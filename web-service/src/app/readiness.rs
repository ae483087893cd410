//! Readiness for the ops port: whether what requests depend on is available.

use std::sync::Arc;

use holdfast_client::{AuthClient, RevocationWatcher};
use holdfast_server_kit::{
    ops::{Check, Readiness},
    request_limit::RequestLimit,
};

use crate::session::{sessions::Sessions, store::redis::BreakerStore};

/// Ready while auth-service, the revocation stream and the session store are available, and requests are not shed.
pub(super) struct DependencyReadiness {
    pub(super) auth: AuthClient,
    pub(super) revocations: RevocationWatcher,
    pub(super) sessions: Sessions,
    pub(super) redis: Option<Arc<BreakerStore>>,
    pub(super) request_limit: Arc<RequestLimit>,
}

impl Readiness for DependencyReadiness {
    fn checks(&self) -> Vec<Check<'_>> {
        vec![
            Check::required("requests", async { self.request_limit.readiness() }),
            Check::required("auth_service", async {
                let keys = self.auth.jwks().await;
                keys.map(drop)
                    .map_err(|error| format!("auth-service: {error}"))
            }),
            Check::required("revocations", async { self.revocations.readiness() }),
            Check::required("session_store", async {
                self.redis.as_ref().map_or(Ok(()), |redis| redis.is_fit())?;
                let answered = self.sessions.ping().await;
                answered.map_err(|error| error.to_string())
            }),
        ]
    }
}
