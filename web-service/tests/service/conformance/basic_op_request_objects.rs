//! The modules about request objects of `oidcc-basic-certification-test-plan`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::relying_party::Provider;
use crate::support::header;

/// An unsigned request object, whose claims name an attacker's address.
fn request_object() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"redirect_uri": "https://evil.example/", "client_id": "shop"});
    format!("{}.{}.", part(json!({"alg": "none"})), part(claims))
}

#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let provider = Provider::start().await;
    let error = provider.error(&[("request", &request_object())]).await;
    assert_eq!(error, "request_not_supported");
}

#[tokio::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    let provider = Provider::start().await;
    let changes = [("redirect_uri", ""), ("request", &request_object())];
    let refused = provider.site.authorize(&provider.cookie, &changes).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(header(&refused, "location"), "");
}

#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    let provider = Provider::start().await;
    let changes = [("request_uri", "https://shop.example/request.jwt")];
    assert_eq!(provider.error(&changes).await, "request_uri_not_supported");
}
