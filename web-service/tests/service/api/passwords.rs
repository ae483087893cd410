//! `POST` and `DELETE /api/account/password`.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Passkey, Site, assert_problem, cookie_of, step};

const PATH: &str = "/api/account/password";
const NEW_PASSWORD: &str = "seven green lamps on the pier";

async fn remove(site: &Site, session: &str) -> Response {
    site.send_json((Method::DELETE, PATH), session, &json!({}))
        .await
}

async fn add(site: &Site, session: &str, password: &str) -> Response {
    let body = json!({"password": password});
    site.send_json((Method::POST, PATH), session, &body).await
}

async fn is_optional(site: &Site, session: &str) -> Value {
    let shown = site.get("/api/account/factors", session).await;
    let shown: Value = shown.json().await.unwrap();
    shown["password_optional"].clone()
}

#[tokio::test]
async fn password_is_removed_and_set_again() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let session = site.sign_in_by(&passkey).await;
    let session = cookie_of(&session, "__Host-session").unwrap();
    assert_problem(remove(&site, &session).await, 409, "FACTOR_REQUIRED").await;
    assert_eq!(is_optional(&site, &session).await, json!(false));
    assert_problem(add(&site, &session, NEW_PASSWORD).await, 409, "CONFLICT").await;
    site.register_passkey(&session).await;
    assert_eq!(is_optional(&site, &session).await, json!(true));
    site.clock.advance(Duration::from_mins(6));
    assert_problem(remove(&site, &session).await, 401, "STEP_UP_REQUIRED").await;
    let session = site.sign_in_by(&passkey).await;
    let session = cookie_of(&session, "__Host-session").unwrap();
    assert_eq!(remove(&site, &session).await.status(), 204);
    assert_problem(remove(&site, &session).await, 404, "FACTOR_NOT_FOUND").await;
    let refused = site.api_login("ada", PASSWORD).await;
    assert_problem(refused, 401, "INVALID_CREDENTIALS").await;
    let weak = add(&site, &session, "short").await;
    assert_problem(weak, 400, "PASSWORD_REJECTED").await;
    assert_eq!(add(&site, &session, NEW_PASSWORD).await.status(), 204);
    let further = site.api_login("ada", NEW_PASSWORD).await;
    assert!(further.text().await.unwrap().contains("ADDITIONAL_FACTOR"));
}

#[tokio::test]
async fn recovery_code_is_a_first_step_of_a_program() {
    let (site, _, codes, _) = Site::passwordless("ada").await;
    let start = json!({"username": "ada"});
    let started = site.post_json("/api/login/start", &start).await;
    let started: Value = started.json().await.unwrap();
    assert_eq!(started["steps"][2]["type"], "recovery_code");
    let code = json!({"type": "recovery_code", "code": codes[0]});
    let body = step(&started["attempt"], &code);
    let next = site.post_json("/api/login/continue", &body).await;
    assert_eq!(next.status(), 401);
    let next: Value = next.json().await.unwrap();
    assert_eq!(next["reason"], "ADDITIONAL_FACTOR_REQUIRED");
    assert_eq!(next["steps"][0]["type"], "enrol_passkey");
    let (_, response) = Passkey::create(&next["steps"][0]["options"]);
    let registered = json!({"type": "enrol_passkey", "response": response});
    let body = step(&next["attempt"], &registered);
    let done = site.post_json("/api/login/continue", &body).await;
    assert_eq!(done.status(), 200);
}
