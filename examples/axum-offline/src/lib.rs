//! An API that verifies access tokens offline, and refuses revoked ones within a second.

use std::{fs, path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::get,
};
use holdfast_client::{EventSource, RevocableIds, RevocationWatcher};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::{Certificate, Client, Url};
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::RwLock,
    time::{Duration, Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// Time for which the keys are not fetched again.
const KEYS_TTL: Duration = Duration::from_mins(5);
/// The same for a token whose key is unknown, as keys are replaced when one is revoked.
const UNKNOWN_KEY_TTL: Duration = Duration::from_secs(10);

/// What the API has to know.
pub struct Config {
    /// The public URL of web-service.
    pub issuer: String,
    /// The audience that access tokens must have.
    pub audience: String,
    /// `client_id` of an OAuth client with the scope `revocations`.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// A further certificate authority.
    pub ca_file: Option<PathBuf>,
}

/// The claims that this API uses.
#[derive(Deserialize)]
struct Claims {
    preferred_username: Option<String>,
    client_id: String,
    jti: String,
    sid: Option<String>,
    grant_id: Option<String>,
    #[serde(default)]
    cnf: Option<serde::de::IgnoredAny>,
}

/// The keys of the issuer, and the time at which they were fetched.
type Keys = RwLock<Option<(JwkSet, Instant)>>;

struct Verifier {
    http: Client,
    issuer: Url,
    validation: Validation,
    keys: Keys,
    revocations: RevocationWatcher,
}

impl Verifier {
    /// The claims of a valid token: 401 for any other one, 503 while it is unknown what was revoked.
    async fn verify(&self, token: &str) -> Result<Claims, StatusCode> {
        let denied = |_| StatusCode::UNAUTHORIZED;
        let header = decode_header(token).map_err(denied)?;
        let (typ, kid) = header.typ.zip(header.kid).ok_or(StatusCode::UNAUTHORIZED)?;
        let key = self.key(&kid).await?;
        let claims = decode::<Claims>(token, &key, &self.validation).map_err(denied)?;
        let claims = claims.claims;
        if !self.revocations.is_current() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let is_revoked = self.revocations.is_key_revoked(&kid)
            || self.revocations.is_revoked(RevocableIds {
                sid: claims.sid.as_deref(),
                grant_id: claims.grant_id.as_deref(),
                jti: Some(&claims.jti),
                client_id: &claims.client_id,
            });
        // A token that is bound to a key is worth nothing without a proof, which this API does not verify.
        if is_revoked || typ != "at+jwt" || claims.cnf.is_some() {
            return Err(StatusCode::UNAUTHORIZED);
        }
        Ok(claims)
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey, StatusCode> {
        if let Some((keys, fetched_at)) = &*self.keys.read().await {
            let key = find(keys, kid);
            let ttl = if key.is_ok() {
                KEYS_TTL
            } else {
                UNKNOWN_KEY_TTL
            };
            if fetched_at.elapsed() < ttl {
                return key;
            }
        }
        let keys = self.fetch_keys().await;
        let keys = keys.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let key = find(&keys, kid);
        *self.keys.write().await = Some((keys, Instant::now()));
        key
    }

    async fn fetch_keys(&self) -> anyhow::Result<JwkSet> {
        let url = self.issuer.join("/.well-known/jwks.json")?;
        let fetch = async {
            self.http
                .get(url)
                .send()
                .await?
                .error_for_status()?
                .json()
                .await
        };
        Ok(timeout(Duration::from_secs(5), fetch).await??)
    }
}

fn find(keys: &JwkSet, kid: &str) -> Result<DecodingKey, StatusCode> {
    let key = keys.find(kid).ok_or(StatusCode::UNAUTHORIZED)?;
    DecodingKey::from_jwk(key).map_err(|_| StatusCode::UNAUTHORIZED)
}

async fn orders(
    State(verifier): State<Arc<Verifier>>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
    let claims = verifier
        .verify(token.ok_or(StatusCode::UNAUTHORIZED)?)
        .await?;
    let name = claims.preferred_username.as_deref();
    Ok(format!("orders of {}\n", name.unwrap_or("a program")))
}

/// Serves `GET /orders`.
///
/// # Errors
/// When the configuration is invalid, or the socket fails.
pub async fn serve(listener: TcpListener, config: Config) -> anyhow::Result<()> {
    let mut http = Client::builder();
    if let Some(file) = config.ca_file {
        http = http.add_root_certificate(Certificate::from_pem(&fs::read(file)?)?);
    }
    let (http, issuer) = (http.build()?, config.issuer.parse::<Url>()?);
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.leeway = 30;
    validation.set_audience(&[config.audience]);
    validation.set_issuer(&[config.issuer]);
    let revocations = RevocationWatcher::of_events();
    let source = EventSource::new(
        http.clone(),
        issuer.clone(),
        config.client_id,
        config.client_secret.into(),
    );
    tokio::spawn(
        revocations
            .clone()
            .follow_events(source, CancellationToken::new()),
    );
    let verifier = Verifier {
        http,
        issuer,
        validation,
        keys: Keys::default(),
        revocations,
    };
    let app = Router::new().route("/orders", get(orders));
    axum::serve(listener, app.with_state(Arc::new(verifier))).await?;
    Ok(())
}
