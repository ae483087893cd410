//! A key of a client, with DPoP proofs and client assertions.

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key on the curve P-256.
pub(crate) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    pub(crate) fn generate() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// The public key (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
    }

    /// The thumbprint of the public key (RFC 7638).
    pub(crate) fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let members = format!(
            r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#,
            jwk["x"], jwk["y"]
        );
        sha256(&members)
    }

    /// A DPoP proof of the key (RFC 9449 §4.2); `further` are claims beside or in place of the usual ones.
    pub(crate) fn proof(&self, method: &str, uri: &str, now: i64, further: &Value) -> String {
        let claims = json!({"jti": random_id(), "htm": method, "htu": uri, "iat": now});
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        self.sign(&header, &with(claims, further))
    }

    /// A client assertion (RFC 7523 §2.2); `further` are claims beside or in place of the usual ones.
    pub(crate) fn assertion(
        &self,
        client: &str,
        audience: &str,
        now: i64,
        further: &Value,
    ) -> String {
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "jti": random_id(), "iat": now, "exp": now + 60,
        });
        self.sign(&json!({"alg": "ES256"}), &with(claims, further))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", base64url(signature.unwrap().as_ref()))
    }
}

/// Claims with further ones; one that is null is removed.
fn with(mut claims: Value, further: &Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    for (name, value) in further.as_object().into_iter().flatten() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    claims
}

/// The SHA-256 of a text, as in `ath` and thumbprints.
pub(crate) fn sha256(text: &str) -> String {
    base64url(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn random_id() -> String {
    let mut id = [0; 16];
    aws_lc_rs::rand::fill(&mut id).unwrap();
    base64url(&id)
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
