//! Certificate and key from files into what rustls serves.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use secrecy::ExposeSecret as _;
use service_kit::private_file;

/// Certificate chain and private key in PEM.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// What rustls serves: TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1.
    ///
    /// # Errors
    /// When a file cannot be read, or the two do not belong together.
    pub fn load(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let shown = self.certificate.display();
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("cannot read the certificate {shown}"))?;
        let key = private_file::read_secret(&self.key).map_err(anyhow::Error::msg)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
            .with_context(|| format!("cannot read the private key {}", self.key.display()))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| format!("the certificate {shown} cannot be used with its key"))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The content as it is now, to tell a change by.
    #[must_use]
    pub fn snapshot(&self) -> Option<[Vec<u8>; 2]> {
        let read = |file| std::fs::read(file).ok();
        Some([read(&self.certificate)?, read(&self.key)?])
    }
}
