//! `POST /api/session/reauthenticate/start` and `/continue`: reauthentication in steps.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, step};

const PATH: &str = "/api/session/reauthenticate";

async fn post(site: &Site, path: &str, cookie: &str, body: &Value) -> Response {
    let path = format!("{PATH}{path}");
    site.send_json((Method::POST, &path), cookie, body).await
}

#[tokio::test]
async fn code_follows_the_password_and_renews_the_session() {
    let (site, app, session) = Site::with_totp("ada").await;
    let asked = post(&site, "", &session, &json!({"password": PASSWORD})).await;
    assert_eq!(asked.status(), 401);
    assert_eq!(cookie_of(&asked, "__Host-session"), None);
    let problem: Value = asked.json().await.unwrap();
    assert_eq!(problem["reason"], "ADDITIONAL_FACTOR_REQUIRED");
    assert_eq!(site.session(&session).await["acr"], "aal1");
    let code = json!({"type": "totp", "code": app.code(&site)});
    let body = step(&problem["attempt"], &code);
    let done = post(&site, "/continue", &session, &body).await;
    assert_eq!(done.status(), 204);
    let renewed = cookie_of(&done, "__Host-session").unwrap();
    let shown = site.session(&renewed).await;
    assert_eq!(shown["acr"], "aal2");
    assert_eq!(shown["amr"], json!(["pwd", "otp", "mfa"]));
    assert!(!site.is_signed_in(&session).await);
    site.clock.advance(Duration::from_secs(30));
    let other = site.sign_in_with("ada", &app).await;
    assert_problem(
        post(&site, "/continue", &other, &body).await,
        401,
        "ATTEMPT_INVALID",
    )
    .await;
}

#[tokio::test]
async fn start_answers_whether_the_authentication_is_sufficient() {
    let (site, app, _) = Site::with_totp("ada").await;
    let session = site.sign_in_with("ada", &app).await;
    let start = async |body: Value| post(&site, "/start", &session, &body).await;
    let sufficient = start(json!({"max_age": 300, "acr": "aal2"})).await;
    assert_eq!(sufficient.status(), 204);
    let asked = start(json!({"max_age": 0})).await;
    assert_eq!(asked.status(), 200);
    let asked: Value = asked.json().await.unwrap();
    assert_eq!(asked["steps"], json!([{"type": "password"}]));
    assert_problem(
        start(json!({"acr": "phr"})).await,
        409,
        "FACTOR_NOT_ENROLLED",
    )
    .await;
    assert_problem(start(json!({"acr": "high"})).await, 400, "INVALID_REQUEST").await;
}
