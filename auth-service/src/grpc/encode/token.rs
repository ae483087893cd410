//! Tokens, their claims, and the keys that verify them.

use auth_proto::v1;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    authentication::AssuranceLevel,
    key::{PublicKey, StoredSigningKey},
    token::{Claims, ClientToken, IssuedTokens},
};
use prost_types::Duration;

use crate::grpc::encode::timestamp;

pub(in crate::grpc) fn issued(issued: IssuedTokens) -> v1::IssueTokenResponse {
    v1::IssueTokenResponse {
        access_token: issued.access_token,
        token_type: token_type(issued.is_bound),
        expires_in: Some(seconds(issued.expires_in)),
        refresh_token: issued.refresh_token.unwrap_or_default(),
        scope: issued.scopes.to_string(),
        dpop_nonce: String::new(),
        id_token: issued.id_token.unwrap_or_default(),
    }
}

pub(in crate::grpc) fn client_token(issued: ClientToken) -> v1::IssueTokenResponse {
    v1::IssueTokenResponse {
        access_token: issued.access_token,
        token_type: token_type(issued.is_bound),
        expires_in: Some(seconds(issued.expires_in)),
        scope: issued.scopes.to_string(),
        ..Default::default()
    }
}

/// `token_type` of the token response (RFC 6750 §4, RFC 9449 §5).
fn token_type(is_bound: bool) -> String {
    if is_bound { "DPoP" } else { "Bearer" }.to_owned()
}

/// `None`: the token is not active (RFC 7662 §2.2).
pub(in crate::grpc) fn introspected(token: Option<&Claims>) -> v1::IntrospectTokenResponse {
    v1::IntrospectTokenResponse {
        active: token.is_some(),
        claims: token.map(claims),
    }
}

pub(in crate::grpc) fn claims(claims: &Claims) -> v1::AccessTokenClaims {
    let person = claims.person.as_ref();
    let strong = person.filter(|person| !person.factors.is_password_alone());
    v1::AccessTokenClaims {
        issuer: claims.issuer.clone(),
        subject: claims.subject(),
        audience: claims.audience.clone(),
        client_id: claims.client_id.clone(),
        sid: person
            .map(|person| person.ids.sid.to_string())
            .unwrap_or_default(),
        // As in the token. An answer of more than 256 bytes is a system call of its own (h2 copies only smaller ones).
        grant_id: person
            .filter(|person| !person.has_first_grant())
            .map(|person| person.grant.to_string())
            .unwrap_or_default(),
        jti: claims.jti.to_string(),
        username: person
            .map(|person| person.username.to_string())
            .unwrap_or_default(),
        scope: claims.scopes.to_string(),
        issued_at: Some(timestamp(claims.issued_at)),
        expires_at: Some(timestamp(claims.expires_at)),
        auth_time: person.map(|person| timestamp(person.authenticated_at)),
        jkt: claims
            .key
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        // As in the token.
        acr: strong
            .and(claims.level())
            .map_or("", AssuranceLevel::acr)
            .to_owned(),
        amr: strong
            .map(|person| person.factors.amr().map(str::to_owned).collect())
            .unwrap_or_default(),
    }
}

/// A public key as JWK (RFC 7517, RFC 7518 §6, RFC 8037 for Ed25519).
pub(in crate::grpc) fn json_web_key(key: &StoredSigningKey) -> v1::JsonWebKey {
    let public_key = match &key.public_key {
        PublicKey::Ed25519 { x } => v1::JsonWebKey {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: base64url(x),
            ..Default::default()
        },
        PublicKey::P256 { x, y } => v1::JsonWebKey {
            kty: "EC".to_owned(),
            crv: "P-256".to_owned(),
            x: base64url(x),
            y: base64url(y),
            ..Default::default()
        },
        PublicKey::Rsa { n, e } => v1::JsonWebKey {
            kty: "RSA".to_owned(),
            n: base64url(n),
            e: base64url(e),
            ..Default::default()
        },
    };
    v1::JsonWebKey {
        kid: key.kid.clone(),
        alg: key.public_key.algorithm().to_string(),
        r#use: "sig".to_owned(),
        ..public_key
    }
}

fn seconds(time: std::time::Duration) -> Duration {
    Duration {
        seconds: time.as_secs().try_into().unwrap_or(i64::MAX),
        nanos: 0,
    }
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
