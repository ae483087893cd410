//! `POST /api/login/start` and `/api/login/continue`: sign-in of API clients in steps.

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Site, assert_problem, header, step};

/// The problem that a further step is required.
async fn required(answer: Response) -> Value {
    assert_eq!(answer.status(), 401);
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert!(answer.headers().get("set-cookie").is_none());
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["reason"], "ADDITIONAL_FACTOR_REQUIRED", "{problem}");
    assert_eq!(problem["status"], 401);
    problem
}

async fn proceed(site: &Site, body: &Value) -> Response {
    site.post_json("/api/login/continue", body).await
}

#[tokio::test]
async fn code_follows_the_password() {
    let (site, app, _) = Site::with_totp("ada").await;
    let problem = required(site.api_login("ada", PASSWORD).await).await;
    assert_eq!(problem["steps"], json!([{"type": "totp"}]));
    assert!(problem["attempt"].as_str().unwrap().starts_with("hfa_"));
    assert!(problem["expires_at"].as_str().unwrap().ends_with('Z'));
    let attempt = &problem["attempt"];

    let wrong = json!({"type": "totp", "code": app.wrong_code(&site)});
    let refused = proceed(&site, &step(attempt, &wrong)).await;
    assert_problem(refused, 401, "INVALID_CREDENTIALS").await;
    let right = json!({"type": "totp", "code": app.code(&site)});
    let done = proceed(&site, &step(attempt, &right)).await;
    assert_eq!(done.status(), 200);
    let tokens: Value = done.json().await.unwrap();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(site.profile(token).await.status(), 200);

    let again = proceed(&site, &step(attempt, &right)).await;
    assert_problem(again, 401, "INVALID_CREDENTIALS").await;
}

#[tokio::test]
async fn step_that_is_not_offered_is_refused() {
    let (site, app, _) = Site::with_totp("ada").await;
    let named = json!({"username": "ada"});
    let start = site.post_json("/api/login/start", &named).await;
    assert_eq!(start.status(), 200);
    let start: Value = start.json().await.unwrap();
    let code = json!({"type": "totp", "code": app.code(&site)});
    let skipped = proceed(&site, &step(&start["attempt"], &code)).await;
    assert_problem(skipped, 401, "ATTEMPT_INVALID").await;

    let problem = required(site.api_login("ada", PASSWORD).await).await;
    let attempt = &problem["attempt"];
    for other in [
        json!({"type": "password", "password": PASSWORD}),
        json!({"type": "enrol_totp", "code": app.code(&site)}),
    ] {
        let refused = proceed(&site, &step(attempt, &other)).await;
        assert_problem(refused, 401, "ATTEMPT_INVALID").await;
    }
    for malformed in [
        json!({"attempt": attempt}),
        json!({"attempt": attempt, "step": {}}),
        json!({"attempt": attempt, "step": {"type": "iris"}}),
        json!({"attempt": attempt, "step": {"type": "totp"}}),
    ] {
        let refused = proceed(&site, &malformed).await;
        assert_problem(refused, 422, "INVALID_REQUEST").await;
    }
}

#[tokio::test]
async fn steps_are_the_same_for_every_name() {
    let (site, _, _) = Site::with_totp("ada").await;
    let mut answers = Vec::new();
    for name in ["ada", "eve", ""] {
        let named = json!({"username": name});
        let started = site.post_json("/api/login/start", &named).await;
        let mut started: Value = started.json().await.unwrap();
        started["attempt"] = Value::Null;
        started["steps"][1]["options"]["challenge"] = Value::Null;
        answers.push(started);
    }
    assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
    assert_eq!(answers[0]["steps"][0]["type"], "password");
    assert_eq!(answers[0]["steps"][1]["type"], "passkey");
}

#[tokio::test]
async fn passkey_signs_in_alone() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let started = site.post_json("/api/login/start", &json!({})).await;
    let started: Value = started.json().await.unwrap();
    let response = passkey.answer(&started["steps"][1]["options"]);
    let presented = json!({"type": "passkey", "response": response});
    let done = proceed(&site, &step(&started["attempt"], &presented)).await;
    assert_eq!(done.status(), 200);
}
