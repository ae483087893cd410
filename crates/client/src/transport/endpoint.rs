//! Settings of a connection to one instance of auth-service.

use std::time::Duration;

use holdfast_tls::TlsMaterial;
use secrecy::ExposeSecret as _;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::config::ConfigError;

/// Short enough for a second instance to answer within the deadline of a call.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Interval of HTTP/2 pings. Cached results are used for up to three seconds after the last message of the revocation stream, so
/// that a connection that hangs must be closed before.
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The endpoint at `url`. One with the scheme `https` is verified with the authorities of `tls`, and receives its client certificate.
///
/// # Errors
/// When the URL or the certificates cannot be used.
pub(super) fn endpoint(url: &str, tls: &TlsMaterial) -> Result<Endpoint, ConfigError> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|source| ConfigError::Url {
            url: url.to_owned(),
            source,
        })?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .tcp_nodelay(true);
    if url.starts_with("https:") {
        return endpoint
            .tls_config(client_tls(tls))
            .map_err(ConfigError::Tls);
    }
    Ok(endpoint)
}

fn client_tls(material: &TlsMaterial) -> ClientTlsConfig {
    let mut tls = ClientTlsConfig::new();
    if let Some(authorities) = &material.authorities {
        tls = tls.ca_certificate(Certificate::from_pem(&authorities.pem));
    }
    if let Some(identity) = &material.identity {
        let key = identity.key_pem.expose_secret();
        tls = tls.identity(Identity::from_pem(&identity.certificate_pem, key));
    }
    tls
}
