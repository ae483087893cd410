//! A certificate authority, and TLS files of the port.

use std::{fs, path::Path};

use holdfast_core::private_file;
use holdfast_tls::{IdentityFiles, PemFile, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tonic::transport::{Certificate, Identity};

/// A certificate authority for tests.
pub(crate) struct Pki {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_pem(&self.pem)
    }

    /// Certificate and key for a name, in PEM.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Writes a new certificate for localhost and its key, for the port, into `directory`.
    pub(crate) fn write_identity(&self, directory: &Path) {
        let (certificate, key) = self.issue("localhost");
        private_file::write(&directory.join("port.key"), key.as_bytes()).unwrap();
        private_file::write_public(&directory.join("port.pem"), certificate.as_bytes()).unwrap();
    }

    /// Writes this authority into `directory`, for the port to verify clients with.
    pub(crate) fn write_authority(&self, directory: &Path) {
        fs::write(directory.join("clients.pem"), &self.pem).unwrap();
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        let (certificate, key) = self.issue(name);
        Identity::from_pem(certificate, key)
    }
}

/// What [`Pki::write_identity`] and [`Pki::write_authority`] wrote.
pub(crate) fn port_files(directory: &Path) -> TlsFiles {
    let clients = directory.join("clients.pem");
    TlsFiles {
        identity: Some(IdentityFiles {
            certificate: PemFile::new("AUTH_TLS_CERT", directory.join("port.pem")),
            key: PemFile::new("AUTH_TLS_KEY", directory.join("port.key")),
        }),
        authorities: clients
            .exists()
            .then(|| PemFile::new("AUTH_TLS_CLIENT_CA", clients)),
        announced: Vec::new(),
    }
}
