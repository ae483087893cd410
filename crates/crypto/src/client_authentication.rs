//! Authentication of OAuth clients: secrets of 256 bits, and assertions signed by the client's key (RFC 7523).

use std::sync::Arc;

use aws_lc_rs::constant_time;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::{invalid_key::InvalidKey, random::Random};
use holdfast_identity::oauth::{Assertion, ClientCredentialVerifier, ClientId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{hash::sha256, jws::Unverified, verifying_key::VerifyingKey};

/// Maximum length of an assertion, in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// The prefix of a secret, by which people and secret scanners recognize it.
const PREFIX: &str = "hfs_";

/// Generates and verifies secrets, and parses and verifies assertions.
pub struct ClientAuthenticator(Arc<dyn Random>);

impl ClientAuthenticator {
    /// With the source of new secrets.
    pub fn new(random: Arc<dyn Random>) -> Self {
        Self(random)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMany,
    exp: i64,
    nbf: Option<i64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl ClientCredentialVerifier for ClientAuthenticator {
    fn generate_id(&self) -> ClientId {
        let mut bytes = [0; 16];
        self.0.fill(&mut bytes);
        ClientId::generated(bytes)
    }

    fn generate_secret(&self) -> (SecretString, [u8; 32]) {
        let mut bytes = Zeroizing::new([0; 32]);
        self.0.fill(bytes.as_mut());
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_ref()));
        let hash = sha256(&secret);
        (secret.into(), hash)
    }

    fn verify_secret(&self, secret: &SecretString, hash: &[u8; 32]) -> bool {
        let presented = sha256(secret.expose_secret());
        constant_time::verify_slices_are_equal(&presented, hash).is_ok()
    }

    fn parse_key(&self, jwk: &str) -> Result<String, InvalidKey> {
        VerifyingKey::from_json(jwk).map(|key| key.to_json())
    }

    fn verify_assertion(&self, assertion: &str, jwk: &str) -> Option<Assertion> {
        let assertion = Unverified::split(assertion, MAX_LENGTH)?;
        let header: Header = assertion.header()?;
        let key = VerifyingKey::from_json(jwk).ok()?;
        let message = assertion.message.as_bytes();
        if header.crit.is_some() || !key.verifies(&header.alg, message, assertion.signature) {
            return None;
        }
        let claims: Claims = assertion.payload()?;
        Some(Assertion {
            issuer: claims.iss,
            subject: claims.sub,
            audiences: match claims.aud {
                OneOrMany::One(audience) => vec![audience],
                OneOrMany::Many(audiences) => audiences,
            },
            expires_at: OffsetDateTime::from_unix_timestamp(claims.exp).ok()?,
            not_before: claims
                .nbf
                .map(OffsetDateTime::from_unix_timestamp)
                .transpose()
                .ok()?,
            id: claims.jti,
        })
    }

    fn unverified_issuer(&self, assertion: &str) -> Option<String> {
        let issuer: Issuer = Unverified::split(assertion, MAX_LENGTH)?.payload()?;
        Some(issuer.iss)
    }
}
