//! The certificate of the HTTPS port, and what keeps it up to date.

use std::sync::Arc;

use anyhow::anyhow;
use axum_server::tls_rustls::RustlsConfig;
use holdfast_core::clock::Clock;
use holdfast_server_kit::shutdown::Signals;
use holdfast_tls::{TlsMaterial, TlsWatch};

use crate::{
    config::TlsConfig,
    tls::{local_ca::LocalAuthority, reload},
};

/// ALPN protocols, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Keeps the certificate of the port up to date.
pub(super) struct CertificateUpdates {
    watch: TlsWatch,
    /// Renews the files, where they are made here.
    authority: Option<LocalAuthority>,
}

impl CertificateUpdates {
    /// Starts the tasks. They end at the stop signal.
    pub(super) fn start(self, clock: Arc<dyn Clock>, signals: &Signals) {
        let shutdown = signals.shutdown.clone();
        tokio::spawn(self.watch.run(signals.reload.clone(), shutdown.clone()));
        if let Some(authority) = self.authority {
            tokio::spawn(reload::renew_regularly(authority, clock, shutdown));
        }
    }
}

/// Loads the certificate; `None` without TLS.
///
/// # Errors
/// When a file cannot be read, written or used.
pub(super) fn load(
    config: TlsConfig,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<(RustlsConfig, CertificateUpdates)>> {
    let (files, authority) = match config {
        TlsConfig::Off => return Ok(None),
        TlsConfig::Files(identity) => (identity.into(), None),
        TlsConfig::Local(directory) => {
            let authority = LocalAuthority::new(directory);
            authority.ensure(clock.now())?;
            (authority.files(), Some(authority))
        }
    };
    let material = TlsMaterial::load(&files);
    let material = material.map_err(|problems| anyhow!(problems.join("; ")))?;
    let served = RustlsConfig::from_config(Arc::new(material.server_config(&PROTOCOLS)?));
    let reloaded = served.clone();
    let watch = TlsWatch::new(files, &material, clock.clone(), move |material| {
        reloaded.reload_from_config(Arc::new(material.server_config(&PROTOCOLS)?));
        Ok(())
    });
    Ok(Some((served, CertificateUpdates { watch, authority })))
}
