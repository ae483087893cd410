//! A certificate that changes while the service runs.

use std::{sync::Arc, time::Duration};

use axum_server::tls_rustls::RustlsConfig;
use service_kit::system::Clock;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{certificate::CertificateFiles, local_authority::LocalAuthority};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often the local certificate's end is looked at, in looks at the files.
const LOOKS_PER_RENEWAL: u32 = 3600;

/// Keeps the served certificate up to date until `shutdown`. A pair of files that cannot be used, such as one of which
/// only one half is written yet, changes nothing.
pub async fn keep_current(
    served: RustlsConfig,
    files: CertificateFiles,
    local: Option<LocalAuthority>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = files.snapshot();
    let mut looks = 0;
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = shutdown.cancelled() => return,
        }
        looks += 1;
        if let Some(authority) = local.as_ref().filter(|_| looks % LOOKS_PER_RENEWAL == 0)
            && let Err(error) = authority.ensure(clock.now())
        {
            tracing::error!(%error, "the local certificate could not be renewed");
        }
        let found = files.snapshot();
        if found.is_some() && found != known {
            known = found;
            reload(&served, &files);
        }
    }
}

fn reload(served: &RustlsConfig, files: &CertificateFiles) {
    match files.load() {
        Ok(config) => {
            served.reload_from_config(config);
            tracing::info!("the certificate changed and is served from now on");
        }
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the changed certificate cannot be used; the old one stays"
            );
        }
    }
}
