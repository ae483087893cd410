//! Changes of factors that end logins.

use auth_proto::v1::SetSecondFactorRequiredRequest;
use e2e::{
    authenticator::{pyotp_code, set_up_totp},
    pair::Pair,
    site::{Site, cookie_of},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::events::text;

/// Sets up one-time codes in the session of a browser, and removes them again, after a reauthentication with both factors.
pub(super) async fn remove_factor(site: &Site, cookie: &str) {
    let uri = set_up_totp(site, cookie).await;
    let path = "/api/session/reauthenticate";
    let password = json!({"password": site.password});
    let asked = site.send_json(Method::POST, path, cookie, &password).await;
    assert_eq!(asked.status(), 401);
    let asked: Value = asked.json().await.unwrap();
    let step = json!({
        "attempt": asked["attempt"],
        "step": {"type": "totp", "code": pyotp_code(&uri, 1).await},
    });
    let path = "/api/session/reauthenticate/continue";
    let renewed = site.send_json(Method::POST, path, cookie, &step).await;
    let cookie = cookie_of(&renewed, "__Host-session").unwrap();

    let factors = site.get("/api/account/factors", &cookie).await;
    let factors: Value = factors.json().await.unwrap();
    let factors = factors["factors"].as_array().unwrap();
    let totp = factors.iter().find(|one| one["kind"] == "totp").unwrap();
    let path = format!("/api/account/factors/{}", text(&totp["id"]));
    let removed = site
        .send_json(Method::DELETE, &path, &cookie, &json!({}))
        .await;
    assert_eq!(removed.status(), 204);
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
