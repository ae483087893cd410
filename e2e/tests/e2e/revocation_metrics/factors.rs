//! Changes of factors that end logins.

use auth_proto::v1::SetSecondFactorRequiredRequest;
use e2e::{
    authenticator::pyotp_code,
    pair::Pair,
    site::{Site, cookie_of},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::events::text;

/// Sets up one-time codes in the session of a browser, and removes them again, after a reauthentication with both factors.
pub(super) async fn remove_factor(site: &Site, cookie: &str) {
    let started = send(site, Method::POST, "/api/account/totp", cookie, &json!({})).await;
    let started: Value = started.json().await.unwrap();
    let uri = text(&started["uri"]);
    let confirmation = json!({
        "enrolment": started["enrolment"],
        "code": pyotp_code(&uri, 0).await,
    });
    let path = "/api/account/totp/confirm";
    let confirmed = send(site, Method::POST, path, cookie, &confirmation).await;
    assert_eq!(confirmed.status(), 204);

    let path = "/api/session/reauthenticate";
    let password = json!({"password": site.password});
    let asked = send(site, Method::POST, path, cookie, &password).await;
    assert_eq!(asked.status(), 401);
    let asked: Value = asked.json().await.unwrap();
    let step = json!({
        "attempt": asked["attempt"],
        "step": {"type": "totp", "code": pyotp_code(&uri, 1).await},
    });
    let path = "/api/session/reauthenticate/continue";
    let renewed = send(site, Method::POST, path, cookie, &step).await;
    let cookie = cookie_of(&renewed, "__Host-session").unwrap();

    let factors = site.get("/api/account/factors", &cookie).await;
    let factors: Value = factors.json().await.unwrap();
    let factors = factors["factors"].as_array().unwrap();
    let totp = factors.iter().find(|one| one["kind"] == "totp").unwrap();
    let path = format!("/api/account/factors/{}", text(&totp["id"]));
    let removed = send(site, Method::DELETE, &path, &cookie, &json!({})).await;
    assert_eq!(removed.status(), 204);
}

/// A request with JSON from a page of the same origin.
async fn send(site: &Site, method: Method, path: &str, cookie: &str, body: &Value) -> Response {
    let request = site.client().request(method, site.url(path)).json(body);
    let request = request
        .header("cookie", cookie)
        .header("sec-fetch-site", "same-origin");
    request.send().await.unwrap()
}

/// Requires a second factor of an account that has none.
pub(super) async fn require_factor(pair: &Pair, name: &str) {
    let require = SetSecondFactorRequiredRequest {
        user_id: pair.user_id(name).await,
        required: true,
    };
    let (mut admin, request) = pair.admin(require).await;
    admin.set_second_factor_required(request).await.unwrap();
}
