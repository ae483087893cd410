//! `GET /.well-known/webauthn`.

use serde_json::{Value, json};

use crate::support::{Site, assert_problem, header};

#[tokio::test]
async fn origins_of_applications_share_the_passkeys() {
    let site = Site::start_behind_for([], ["https://app.example", "http://plain.example"]).await;
    let shown = site.get("/.well-known/webauthn", "").await;
    assert_eq!(header(&shown, "content-type"), "application/json");
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(
        shown,
        json!({"origins": [site.origin, "https://app.example"]})
    );
}

#[tokio::test]
async fn site_without_applications_has_no_related_origins() {
    let site = Site::start().await;
    let absent = site.get("/.well-known/webauthn", "").await;
    assert_problem(absent, 404, "NOT_FOUND").await;
}
