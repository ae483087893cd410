//! A local certificate that is renewed while the service runs.

use std::{sync::Arc, time::Duration};

use holdfast_core::clock::Clock;
use tokio::{task::spawn_blocking, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::tls::local_ca::LocalAuthority;

/// How often the certificate's end is looked at.
const INTERVAL: Duration = Duration::from_hours(1);

/// Renews the files of the certificate before its end, until `shutdown`; a `TlsWatch` on them brings them into use.
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
            tracing::error!(error, "the local certificate could not be renewed");
        }
    }
}
