//! How one instance of auth-service is connected to.

use std::time::Duration;

use anyhow::Context as _;
use holdfast_tls::TlsMaterial;
use secrecy::ExposeSecret as _;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// Short enough for a second instance to answer within the deadline of a call.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Often enough for a connection that lags behind to be given up soon: what is remembered of tokens lives by what it tells.
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The instance at `url`; an `https` one has to prove itself to the authorities of `tls`, and is shown its identity, if it has one.
///
/// # Errors
/// When the URL or the material cannot be used.
pub(super) fn endpoint(url: &str, tls: &TlsMaterial) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from_shared(url.to_owned())
        .with_context(|| format!("WEB_AUTH_URL: {url}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .tcp_nodelay(true);
    if url.starts_with("https:") {
        return endpoint
            .tls_config(client_tls(tls))
            .context("WEB_AUTH_CA, WEB_AUTH_CERT or WEB_AUTH_KEY cannot be used");
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
