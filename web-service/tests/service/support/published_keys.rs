//! The published keys.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Site;

impl Site {
    /// The head of a JWT. Asserts that a published key has signed it, by Ed25519.
    pub(crate) async fn verified_head(&self, token: &str) -> Value {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let head = decode(message.split_once('.').unwrap().0);
        let head: Value = serde_json::from_slice(&head).unwrap();
        let published = self.get("/.well-known/jwks.json", "").await;
        let published: Value = published.json().await.unwrap();
        let mut keys = published["keys"].as_array().unwrap().iter();
        let key = keys.find(|key| key["kid"] == head["kid"]).unwrap();
        let key = UnparsedPublicKey::new(&ED25519, decode(key["x"].as_str().unwrap()));
        key.verify(message.as_bytes(), &decode(signature)).unwrap();
        head
    }
}
