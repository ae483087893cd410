//! Renewal of the local certificate while the service runs.

use std::{sync::Arc, time::Duration};

use holdfast_core::{clock::Clock, rate_limited_log::count_event};
use tokio::{task::spawn_blocking, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::tls::local_ca::LocalAuthority;

/// Interval between checks of the expiry.
const INTERVAL: Duration = Duration::from_hours(1);

/// Renews the files of the certificate before it expires, until `shutdown`. A `TlsWatch` on them loads them.
pub async fn renew_regularly(
    authority: LocalAuthority,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let (authority, now) = (authority.clone(), clock.now());
        let renewed = spawn_blocking(move || authority.ensure(now)).await;
        if let Ok(Err(error)) = renewed {
            let error = format!("{error:#}");
            count_event("certificate.renewal_failed");
            tracing::error!(
                event = "certificate.renewal_failed",
                error,
                "the local certificate could not be renewed; the current one stays in use"
            );
        }
    }
}
