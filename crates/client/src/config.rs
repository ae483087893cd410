//! Configuration of the connection to auth-service.

use holdfast_tls::TlsFiles;
use secrecy::SecretString;
use url::Url;

/// How auth-service is reached, and what this process authenticates with.
#[derive(Debug, Default)]
pub struct AuthConfig {
    /// Addresses of the instances of auth-service, `http` or `https`, at least one.
    pub urls: Vec<Url>,
    /// Client certificate of this process, and the certificate authorities of auth-service; for `https` addresses.
    pub tls: TlsFiles,
    /// The service secret, `AUTH_SERVICE_SECRET` of auth-service; not needed where the client certificate is the service identity.
    pub service_secret: Option<SecretString>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `urls` is empty.
    #[error("no address of auth-service")]
    NoUrl,
    /// An address that cannot be connected to.
    #[error("{url}: {source}")]
    Url {
        /// The address as configured.
        url: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// The service secret has characters that gRPC metadata cannot carry.
    #[error("the service secret has characters that cannot be sent")]
    ServiceSecret,
    /// Certificates or keys that cannot be read or do not belong together; each message names its setting.
    #[error("{}", .0.join("; "))]
    TlsFiles(Vec<String>),
    /// Certificates or keys that cannot be used for a connection.
    #[error("the TLS client configuration cannot be used: {0}")]
    Tls(tonic::transport::Error),
}
