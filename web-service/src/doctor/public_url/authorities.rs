//! The authorities that the certificate of the public URL is verified with.

use std::sync::Arc;

use anyhow::anyhow;
use holdfast_server_kit::doctor::blocking;
use holdfast_tls::{PemFile, TlsFiles, TlsMaterial, has_system_roots};
use rustls::ClientConfig;

use crate::{config::TlsConfig, tls::local_ca::LocalAuthority};

/// The configuration of a client that trusts the authorities of the operating system and, where this service has one, its local authority:
/// a proxy in front of it has a certificate of its own. `None`: there are no authorities at all.
pub(super) async fn client_config(tls: &TlsConfig) -> anyhow::Result<Option<Arc<ClientConfig>>> {
    let local = match tls {
        TlsConfig::Local(directory) => {
            Some(LocalAuthority::new(directory.clone()).authority_file())
        }
        TlsConfig::Off | TlsConfig::Files(_) => None,
    };
    blocking(move || {
        let authorities = local
            .filter(|file| file.exists())
            .map(|file| PemFile::new("WEB_DATA_DIR", file));
        if authorities.is_none() && !has_system_roots() {
            return Ok(None);
        }
        let files = TlsFiles {
            authorities,
            ..TlsFiles::default()
        };
        let material = TlsMaterial::load(&files);
        let material = material.map_err(|problems| anyhow!(problems.join("; ")))?;
        Ok(Some(Arc::new(material.client_config_with_system_roots()?)))
    })
    .await
}
