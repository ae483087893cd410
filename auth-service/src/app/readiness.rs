//! Readiness, as `/readyz` reports it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use holdfast_identity::store::Store;
use holdfast_server_kit::{
    ops::{Check, Readiness},
    request_limit::RequestLimit,
};

/// Ready: the store answers, and no call was rejected lately for want of a request slot.
pub(super) struct ServiceReadiness {
    store: Arc<dyn Store>,
    request_limit: Arc<RequestLimit>,
    /// Whether the log has the warning of the state of the standbys.
    has_warned: AtomicBool,
}

impl ServiceReadiness {
    pub(super) fn new(store: Arc<dyn Store>, request_limit: Arc<RequestLimit>) -> Self {
        Self {
            store,
            request_limit,
            has_warned: AtomicBool::new(false),
        }
    }

    /// Warns where a failover of the database may lose what was acknowledged; in the log once, until that has changed.
    pub(super) async fn standby_warning(&self) -> Option<String> {
        let is_at_risk = self.store.failover_loses_commits().await.ok()?;
        let has_warned = self.has_warned.swap(is_at_risk, Ordering::Relaxed);
        if is_at_risk && !has_warned {
            tracing::warn!(
                event = "store.standby_asynchronous",
                "commits do not wait for the standby of the database; a failover may lose the latest ends of logins"
            );
        }
        is_at_risk.then(|| "commits do not wait for the standby of the database".to_owned())
    }
}

impl Readiness for ServiceReadiness {
    fn checks(&self) -> Vec<Check<'_>> {
        vec![
            Check::required("requests", async { self.request_limit.readiness() }),
            Check::required("store", async {
                let answered = self.store.ping().await;
                answered.map_err(|error| error.to_string())
            }),
            Check::advisory("standby", async {
                self.standby_warning().await.map_or(Ok(()), Err)
            }),
        ]
    }
}
