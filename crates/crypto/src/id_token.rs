//! ID tokens, JWTs of the type `JWT` (OpenID Connect Core 1.0 §2).

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    authentication::AssuranceLevel,
    key::Algorithm,
    oauth::SubjectIds,
    token::{IdTokenClaims, IdTokenHint, IdTokens, SigningError},
};
use serde::Serialize;

use crate::jwt::Jwts;

/// `typ`, by which no ID token is an access token.
const TYPE: &str = "JWT";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    amr: Vec<&'a str>,
    sid: String,
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
}

impl IdTokens for Jwts {
    fn sign(
        &self,
        claims: &IdTokenClaims<'_>,
        algorithm: Algorithm,
    ) -> Result<String, SigningError> {
        let content = Claims {
            iss: claims.issuer,
            sub: claims.ids.subject.to_string(),
            aud: claims.client.as_str(),
            iat: claims.issued_at.unix_timestamp(),
            exp: claims.expires_at.unix_timestamp(),
            auth_time: claims.authenticated_at.unix_timestamp(),
            nonce: claims.nonce,
            acr: claims.factors.level().map(AssuranceLevel::acr),
            amr: claims.factors.amr().collect(),
            sid: claims.ids.sid.to_string(),
            at_hash: access_token_hash(claims.access_token, algorithm),
            preferred_username: claims.username.map(ToString::to_string),
        };
        self.sign_with(algorithm, claims.issued_at, TYPE, &content)
    }

    fn verify(&self, token: &str) -> Option<IdTokenHint> {
        let claims = self.verify_signature(token, TYPE)?;
        let text = |name: &str| claims.get(name)?.as_str();
        Some(IdTokenHint {
            issuer: text("iss")?.to_owned(),
            client: text("aud")?.parse().ok()?,
            ids: SubjectIds {
                subject: text("sub")?.parse().ok()?,
                sid: text("sid")?.parse().ok()?,
            },
        })
    }
}

/// `at_hash`: the first half of the hash of the access token, by the hash function of the signature (OpenID Connect Core 1.0 §3.1.3.6).
fn access_token_hash(access_token: &str, algorithm: Algorithm) -> String {
    // Ed25519 uses SHA-512 (RFC 8032 §5.1).
    let function = match algorithm {
        Algorithm::EdDsa => &SHA512,
        Algorithm::Es256 | Algorithm::Rs256 => &SHA256,
    };
    let hash = digest(function, access_token.as_bytes());
    let half = hash.as_ref().len() / 2;
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..half])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_token_hash_is_half_of_the_hash() {
        // OpenID Connect Core 1.0, appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(
            access_token_hash(token, Algorithm::Es256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(
            access_token_hash(token, Algorithm::Rs256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        let of_sha512 = access_token_hash(token, Algorithm::EdDsa);
        assert_eq!(of_sha512.len(), 43);
    }
}
