//! Routes below `/api/account`: the factors of the account.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Passkey, Site, TotpApp, assert_problem};

async fn post(site: &Site, path: &str, cookie: &str, body: Value) -> Response {
    site.send_json((Method::POST, path), cookie, &body).await
}

async fn overview(site: &Site, cookie: &str) -> Value {
    let shown = site.get("/api/account/factors", cookie).await;
    assert_eq!(shown.status(), 200);
    shown.json().await.unwrap()
}

#[tokio::test]
async fn codes_are_set_up_listed_and_removed() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let begun = post(&site, "/api/account/totp", &session, json!({})).await;
    assert_eq!(begun.status(), 200);
    let begun: Value = begun.json().await.unwrap();
    let app = TotpApp::new(begun["secret"].as_str().unwrap());
    let confirm = async |code: String| {
        let body = json!({"enrolment": begun["enrolment"], "code": code});
        post(&site, "/api/account/totp/confirm", &session, body).await
    };
    assert_problem(confirm(app.wrong_code(&site)).await, 400, "CODE_REJECTED").await;
    assert_eq!(confirm(app.code(&site)).await.status(), 204);
    site.clock.advance(Duration::from_mins(1));

    let shown = overview(&site, &session).await;
    assert_eq!(shown["strongest_acr"], "aal2");
    let factors = shown["factors"].as_array().unwrap();
    let totp = factors.iter().find(|factor| factor["kind"] == "totp");
    let path = format!(
        "/api/account/factors/{}",
        totp.unwrap()["id"].as_str().unwrap()
    );
    let weak = site
        .send_json((Method::DELETE, &path), &session, &json!({}))
        .await;
    assert_problem(weak, 401, "STEP_UP_REQUIRED").await;

    let strong = site.sign_in_with("ada", &app).await;
    let codes = post(&site, "/api/account/recovery-codes", &strong, json!({})).await;
    let codes: Value = codes.json().await.unwrap();
    assert_eq!(codes["codes"].as_array().unwrap().len(), 10);
    assert_eq!(overview(&site, &strong).await["recovery_codes_left"], 10);
    let nobodys = "/api/account/factors/67e55044-10b1-426f-9247-bb680e5fe0c8";
    let absent = site
        .send_json((Method::DELETE, nobodys), &strong, &json!({}))
        .await;
    assert_problem(absent, 404, "FACTOR_NOT_FOUND").await;
    let removed = site
        .send_json((Method::DELETE, &path), &strong, &json!({}))
        .await;
    assert_eq!(removed.status(), 204);
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn passkey_is_registered_and_renamed() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let begun = post(&site, "/api/account/passkeys", &session, json!({})).await;
    let begun: Value = begun.json().await.unwrap();
    let (_, response) = Passkey::create(&begun["options"]);
    let finish = async |response: &Value| {
        let body =
            json!({"registration": begun["registration"], "response": response, "label": "phone"});
        post(&site, "/api/account/passkeys/finish", &session, body).await
    };
    let refused = finish(&json!({"id": "AAAA"})).await;
    assert_problem(refused, 400, "PASSKEY_REJECTED").await;
    let added: Value = finish(&response).await.json().await.unwrap();
    let id = added["id"].as_str().unwrap();
    let rename = format!("/api/account/passkeys/{id}/rename");
    let renamed = post(&site, &rename, &session, json!({"label": "tablet"})).await;
    assert_eq!(renamed.status(), 204);
    let shown = overview(&site, &session).await;
    let factors = shown["factors"].as_array().unwrap();
    assert!(
        factors.iter().any(|factor| factor["label"] == "tablet"),
        "{shown}"
    );
}

#[tokio::test]
async fn installation_without_passkeys_says_so() {
    let site = Site::with_user("ada").await;
    let session = site.sign_in("ada").await;
    let refused = post(&site, "/api/account/passkeys", &session, json!({})).await;
    assert_problem(refused, 409, "PASSKEYS_OFF").await;
    let refused = post(&site, "/api/account/recovery-codes", &session, json!({})).await;
    assert_problem(refused, 409, "FACTOR_NOT_ENROLLED").await;
}
