//! `GET /.well-known/jwks.json`: the public keys that verify access tokens and ID tokens (RFC 7517).

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use holdfast_client::{AuthClient, Jwk};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api::problem::Problem;

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"keys": [{"kid": "…", "kty": "OKP", "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": "…"}]}))]
pub(in crate::http) struct JwkSet {
    keys: Vec<Key>,
}

/// A key in JWK form (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Serialize, ToSchema)]
#[schema(as = Jwk, example = json!({"kid": "…", "kty": "OKP", "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": "…"}))]
struct Key {
    kid: String,
    kty: String,
    alg: String,
    r#use: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

impl From<Jwk> for Key {
    fn from(key: Jwk) -> Self {
        Self {
            kid: key.kid,
            kty: key.kty,
            alg: key.alg,
            r#use: key.usage,
            crv: key.crv,
            x: key.x,
            y: key.y,
            n: key.n,
            e: key.e,
        }
    }
}

/// The public keys that verify access tokens and ID tokens.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "oauth",
    operation_id = "jwks",
    responses((status = 200, description = "The public keys (RFC 7517)", body = JwkSet, content_type = "application/jwk-set+json")),
)]
pub(in crate::http) async fn show(State(auth): State<AuthClient>) -> Result<Response, Problem> {
    let keys = auth.jwks().await.map_err(Problem::for_credential)?.keys;
    let set = JwkSet {
        keys: keys.into_iter().map(Key::from).collect(),
    };
    let headers = [
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::CONTENT_TYPE, "application/jwk-set+json"),
    ];
    Ok((headers, Json(set)).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rsa_key_has_modulus_and_exponent_only() {
        let key = Key::from(Jwk {
            kid: "7".to_owned(),
            kty: "RSA".to_owned(),
            alg: "RS256".to_owned(),
            usage: "sig".to_owned(),
            crv: None,
            x: None,
            y: None,
            n: Some("1w".to_owned()),
            e: Some("AQAB".to_owned()),
        });
        assert_eq!(
            serde_json::to_value(key).unwrap(),
            json!({"kid": "7", "kty": "RSA", "alg": "RS256", "use": "sig", "n": "1w", "e": "AQAB"})
        );
    }
}
