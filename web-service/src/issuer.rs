//! Whether auth-service names the URL of this service as the issuer of its tokens.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::auth::AuthService;

/// While auth-service does not answer.
const RETRY: Duration = Duration::from_secs(5);

/// It may be started again with another setting.
const CHECK_AGAIN: Duration = Duration::from_hours(1);

/// Warns, once an hour, while the issuer is not `public_url`: applications look for metadata and keys under the issuer (RFC 8414
/// §3), and `DPoP` proofs of clients name it.
pub async fn watch(auth: Arc<dyn AuthService>, public_url: String, shutdown: CancellationToken) {
    let checks = async {
        loop {
            let wait = match auth.jwks().await {
                Ok(jwks) => {
                    warn_of_difference(&jwks.issuer, &public_url);
                    CHECK_AGAIN
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
