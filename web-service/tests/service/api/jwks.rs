//! `GET /.well-known/jwks.json` (RFC 7517).

use serde_json::Value;

use crate::support::{Site, header};

#[tokio::test]
async fn key_set_is_cacheable_and_has_public_keys_only() {
    let site = Site::start().await;
    let response = site.get("/.well-known/jwks.json", "").await;
    assert_eq!(
        header(&response, "content-type"),
        "application/jwk-set+json"
    );
    assert_eq!(header(&response, "cache-control"), "public, max-age=300");
    let set: Value = response.json().await.unwrap();
    let key = set["keys"][0].as_object().unwrap();
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"]),
        (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into())
    );
    assert!(!key.contains_key("d") && !key.contains_key("y"));
    let key = set["keys"][1].as_object().unwrap();
    assert_eq!((&key["kty"], &key["alg"]), (&"EC".into(), &"ES256".into()));
    assert!(key.contains_key("y") && !key.contains_key("n") && !key.contains_key("e"));
}
