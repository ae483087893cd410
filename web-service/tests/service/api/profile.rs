//! `GET /api/profile`: bearer tokens and their challenges (RFC 6750 §3).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Site, assert_problem};

const INVALID: &str = r#"Bearer realm="holdfast", error="invalid_token""#;

#[tokio::test]
async fn valid_token_yields_profile() {
    let site = Site::with_user("ada").await;
    let (token, _) = site.tokens("ada").await;
    let profile: Value = site.profile(&token).await.json().await.unwrap();
    assert_eq!(profile["logged_in_as"], "ada");
    assert_eq!(profile["scope"], "profile");
    assert_eq!(profile["expires_at"], "2026-01-01T12:15:00Z");
    assert!(profile["sub"].is_string() && profile["sid"].is_string());
}

#[tokio::test]
async fn missing_token_gets_challenge_without_error() {
    let site = Site::start().await;
    let challenge = assert_problem(site.get("/api/profile", "").await, 401, "TOKEN_MISSING").await;
    assert_eq!(challenge, r#"Bearer realm="holdfast""#);
    let basic = site
        .request(Method::GET, "/api/profile")
        .basic_auth("ada", Some("x"));
    assert_problem(basic.send().await.unwrap(), 401, "TOKEN_MISSING").await;
}

#[tokio::test]
async fn cookie_is_no_bearer_token() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    assert_problem(
        site.get("/api/profile", &cookie).await,
        401,
        "TOKEN_MISSING",
    )
    .await;
}

#[tokio::test]
async fn invalid_token_is_refused_with_reason() {
    let site = Site::with_user("ada").await;
    let (token, refresh_token) = site.tokens("ada").await;
    for malformed in ["x", "a.b.c", "", refresh_token.as_str()] {
        let challenge = assert_problem(site.profile(malformed).await, 401, "TOKEN_MALFORMED").await;
        assert_eq!(challenge, INVALID, "{malformed}");
    }
    for tampered in [tamper_payload(&token), tamper_signature(&token)] {
        let challenge =
            assert_problem(site.profile(&tampered).await, 401, "TOKEN_BAD_SIGNATURE").await;
        assert_eq!(challenge, INVALID);
    }
    site.clock
        .advance(Duration::from_mins(15) + Duration::from_secs(30));
    let challenge = assert_problem(site.profile(&token).await, 401, "TOKEN_EXPIRED").await;
    assert_eq!(challenge, INVALID);
}

#[tokio::test]
async fn repeated_token_is_refused() {
    let site = Site::with_user("ada").await;
    let (token, _) = site.tokens("ada").await;
    let request = site
        .request(Method::GET, "/api/profile")
        .bearer_auth(&token)
        .bearer_auth(&token);
    assert_problem(request.send().await.unwrap(), 401, "TOKEN_MALFORMED").await;
}

fn tamper_payload(token: &str) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let changed = URL_SAFE_NO_PAD.encode(payload.replace(r#""ada""#, r#""eve""#));
    [parts[0], &changed, parts[2]].join(".")
}

fn tamper_signature(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{message}.{other}{}", &signature[1..])
}
