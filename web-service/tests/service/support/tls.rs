//! The certificate of web-service, and clients that trust it.

use holdfast_core::private_file;
use holdfast_tls::{IdentityFiles, PemFile};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder, redirect};
use tempfile::TempDir;
use web_service::config::TlsConfig;

/// A self-signed certificate without an expiry that matters: the clock of the test is not that of the client.
pub(super) fn certificate(directory: &TempDir) -> (TlsConfig, Certificate) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let file = |name: &str| directory.path().join(name);
    private_file::write(&file("own.key"), key.serialize_pem().as_bytes()).unwrap();
    std::fs::write(file("own.pem"), &pem).unwrap();
    let tls = TlsConfig::Files(IdentityFiles {
        certificate: PemFile::new("WEB_TLS_CERT", file("own.pem")),
        key: PemFile::new("WEB_TLS_KEY", file("own.key")),
    });
    (tls, Certificate::from_pem(pem.as_bytes()).unwrap())
}

/// A client that trusts `authority` and follows no redirects.
pub(super) fn client_builder(authority: &Certificate) -> ClientBuilder {
    Client::builder()
        .tls_certs_only([authority.clone()])
        .redirect(redirect::Policy::none())
        .no_proxy()
}
