//! Compares the issuer of auth-service with the public URL of this service.

use std::time::Duration;

use holdfast_client::AuthClient;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Interval of the attempts while auth-service is unavailable.
const RETRY: Duration = Duration::from_secs(5);

/// Interval of the checks, as auth-service may be restarted with another issuer.
const CHECK_INTERVAL: Duration = Duration::from_hours(1);

/// Logs a warning, once an hour, while the issuer is not `public_url`: applications look for metadata and keys under the issuer
/// (RFC 8414 §3), and `DPoP` proofs of clients name it. Returns at `shutdown`.
pub(crate) async fn watch(auth: AuthClient, public_url: String, shutdown: CancellationToken) {
    let checks = async {
        loop {
            let wait = match auth.jwks().await {
                Ok(jwks) => {
                    warn_of_difference(&jwks.issuer, &public_url);
                    CHECK_INTERVAL
                }
                Err(_) => RETRY,
            };
            sleep(wait).await;
        }
    };
    shutdown.run_until_cancelled(checks).await;
}

fn warn_of_difference(issuer: &str, public_url: &str) {
    if issuer != public_url {
        tracing::warn!(
            event = "issuer.differs",
            issuer,
            public_url,
            "AUTH_ISSUER of auth-service is not WEB_PUBLIC_URL"
        );
    }
}
