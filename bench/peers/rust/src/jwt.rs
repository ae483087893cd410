//! axum with `jsonwebtoken`, which verifies each token in the process: no call, and no revocation.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::{get, post},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rcgen::KeyPair;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) struct Keys {
    algorithm: Algorithm,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

pub(crate) fn hs256() -> Keys {
    let secret = [7; 32];
    Keys {
        algorithm: Algorithm::HS256,
        encoding: EncodingKey::from_secret(&secret),
        decoding: DecodingKey::from_secret(&secret),
    }
}

pub(crate) fn eddsa() -> anyhow::Result<Keys> {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
    Ok(Keys {
        algorithm: Algorithm::EdDSA,
        encoding: EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes())?,
        decoding: DecodingKey::from_ed_pem(pair.public_key_pem().as_bytes())?,
    })
}

async fn login(
    State(keys): State<Arc<Keys>>,
    Json(form): Json<Credentials>,
) -> Result<Json<Value>, StatusCode> {
    if form.username != "ada" || form.password != "correct horse battery staple" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let end = SystemTime::now() + Duration::from_secs(15 * 60);
    let exp = end
        .duration_since(UNIX_EPOCH)
        .map_or(0, |end| end.as_secs());
    let claims = Claims {
        sub: form.username,
        exp,
    };
    let token = jsonwebtoken::encode(&Header::new(keys.algorithm), &claims, &keys.encoding);
    let token = token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({"access_token": token})))
}

async fn profile(
    State(keys): State<Arc<Keys>>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let value = headers.get(header::AUTHORIZATION);
    let token = value
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let validation = Validation::new(keys.algorithm);
    let claims = jsonwebtoken::decode::<Claims>(token, &keys.decoding, &validation)
        .map_err(|_| StatusCode::UNAUTHORIZED)?
        .claims;
    Ok(Json(json!({"logged_in_as": claims.sub})))
}

pub(crate) async fn serve(address: SocketAddr, keys: Keys) -> anyhow::Result<()> {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let router = Router::new()
        .route("/login", post(login))
        .route("/profile", get(profile))
        .with_state(Arc::new(keys));
    axum::serve(TcpListener::bind(address).await?, router).await?;
    Ok(())
}
