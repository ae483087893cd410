//! A certificate that changes while the service runs.

use std::{sync::Arc, time::Duration};

use axum_server::tls_rustls::RustlsConfig;
use service_kit::system::Clock;
use tokio::{task::spawn_blocking, time::MissedTickBehavior};
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
    let mut watch = Watch {
        known: files.snapshot(),
        served,
        files,
        local,
        clock,
        looks: 0,
    };
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let looked = spawn_blocking(move || {
            watch.look();
            watch
        });
        match looked.await {
            Ok(unchanged) => watch = unchanged,
            Err(error) => {
                tracing::error!(%error, "the certificate is not watched any more");
                return;
            }
        }
    }
}

struct Watch {
    served: RustlsConfig,
    files: CertificateFiles,
    local: Option<LocalAuthority>,
    clock: Arc<dyn Clock>,
    known: Option<[Vec<u8>; 2]>,
    looks: u32,
}

impl Watch {
    fn look(&mut self) {
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOKS_PER_RENEWAL) {
            self.renew();
        }
        let found = self.files.snapshot();
        if found.is_some() && found != self.known {
            self.known = found;
            self.reload();
        }
    }

    fn renew(&self) {
        let renewed = self
            .local
            .as_ref()
            .map(|local| local.ensure(self.clock.now()));
        if let Some(Err(error)) = renewed {
            let error = format!("{error:#}");
            tracing::error!(error, "the local certificate could not be renewed");
        }
    }

    fn reload(&self) {
        match self.files.load() {
            Ok(config) => {
                self.served.reload_from_config(config);
                tracing::info!("the certificate changed and is served from now on");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "the changed certificate cannot be used; the old one stays"
                );
            }
        }
    }
}
