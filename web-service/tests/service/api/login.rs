//! `POST /api/login`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, assert_problem, header};

#[tokio::test]
async fn right_password_yields_tokens() {
    let site = Site::with_user("ada").await;
    let response = site.api_login("ada", PASSWORD).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert!(response.headers().get("set-cookie").is_none());
    let tokens: Value = response.json().await.unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    assert_eq!(tokens["scope"], "profile");
    assert!(tokens["access_token"].is_string() && tokens["refresh_token"].is_string());
}

#[tokio::test]
async fn unknown_wrong_and_disabled_get_one_answer() {
    let site = Site::with_user("ada").await;
    site.add_user("bob").await;
    site.disable("bob").await;
    let mut bodies = Vec::new();
    for (name, password) in [
        ("ada", "wrong"),
        ("bob", PASSWORD),
        ("eve", PASSWORD),
        ("", ""),
    ] {
        let response = site.api_login(name, password).await;
        assert!(!header(&response, "www-authenticate").is_empty());
        bodies.push((response.status(), response.text().await.unwrap()));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_problem(
        site.api_login("ada", "wrong").await,
        401,
        "INVALID_CREDENTIALS",
    )
    .await;
}

#[tokio::test]
async fn malformed_request_is_refused_with_reason() {
    let site = Site::start().await;
    let post = |kind: &str, body: String| {
        let request = site
            .request(Method::POST, "/api/login")
            .header("content-type", kind);
        request.body(body).send()
    };
    let json = "application/json";
    for (kind, body, status) in [
        (
            "text/plain",
            r#"{"username":"ada","password":"x"}"#.to_owned(),
            415,
        ),
        (
            "application/x-www-form-urlencoded",
            "username=ada".to_owned(),
            415,
        ),
        (json, "{".to_owned(), 400),
        (json, "{}".to_owned(), 422),
        (json, r#"{"username":1,"password":"x"}"#.to_owned(), 422),
        (
            json,
            format!(r#"{{"username":"{}"}}"#, "a".repeat(70_000)),
            413,
        ),
    ] {
        assert_problem(post(kind, body).await.unwrap(), status, "INVALID_REQUEST").await;
    }
}

#[tokio::test]
async fn request_too_large_for_auth_service_is_refused() {
    let site = Site::start().await;
    let body = json!({"username": "ada", "password": "x".repeat(65_480)});
    let request = site
        .request(Method::POST, "/api/login")
        .header("user-agent", "u".repeat(9000));
    assert_problem(
        request.json(&body).send().await.unwrap(),
        400,
        "INVALID_REQUEST",
    )
    .await;
}

#[tokio::test]
async fn page_of_other_origin_is_refused() {
    let site = Site::with_user("ada").await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let request = site
        .request(Method::POST, "/api/login")
        .header("sec-fetch-site", "cross-site");
    assert_problem(
        request.json(&body).send().await.unwrap(),
        403,
        "FOREIGN_ORIGIN",
    )
    .await;
    let preflight = site
        .request(Method::OPTIONS, "/api/login")
        .header("origin", "https://evil.example");
    let answer = preflight.send().await.unwrap();
    assert!(
        answer
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}
