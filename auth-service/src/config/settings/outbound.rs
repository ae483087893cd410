//! Requests to relying parties, from the settings.

use holdfast_server_kit::config::Problems;
use holdfast_tls::{PemFile, TlsFiles};

use crate::config::{OutboundConfig, settings::Settings};

impl Settings {
    pub(super) fn outbound(&self, problems: &mut Problems) -> Option<OutboundConfig> {
        let file = self.outbound_ca.as_ref();
        let authorities = file.map(|file| PemFile::new("AUTH_OUTBOUND_CA", file));
        problems.tls_files(&TlsFiles {
            authorities: authorities.clone(),
            ..TlsFiles::default()
        });
        let private_addresses = problems.switch(
            "AUTH_OUTBOUND_PRIVATE_ADDRESSES",
            &self.outbound_private_addresses,
        );
        Some(OutboundConfig {
            authorities,
            private_addresses: private_addresses?,
        })
    }
}
