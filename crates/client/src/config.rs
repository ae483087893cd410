//! How auth-service is reached.

use holdfast_tls::TlsFiles;
use secrecy::SecretString;
use url::Url;

/// How auth-service is reached.
#[derive(Debug)]
pub struct AuthConfig {
    /// Its addresses.
    pub urls: Vec<Url>,
    /// This service's client certificate, and who vouches for auth-service's.
    pub tls: TlsFiles,
    /// What this service proves itself with.
    pub service_secret: Option<SecretString>,
}
