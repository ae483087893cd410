//! A session id is replaced, and the answer that carries the new one may be lost.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{PASSWORD, Site, cookie_of, header};

const NEW: &str = "quite another long password";

async fn reauthenticate(site: &Site, cookie: &str) -> Response {
    let request = site.request(Method::POST, "/api/session/reauthenticate");
    let request = request.header("cookie", cookie);
    let request = request.header("sec-fetch-site", "same-origin");
    let body = json!({"password": PASSWORD});
    request.json(&body).send().await.unwrap()
}

async fn confirm(site: &Site, cookie: &str) -> Response {
    let token = site.page_token("/account/confirm", cookie).await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("confirm_password", PASSWORD),
    ];
    site.post_form("/account/confirm", cookie, &fields).await
}

async fn change_password(site: &Site, cookie: &str) -> Response {
    let token = site.page_token("/account/password", cookie).await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("current_password", PASSWORD),
        ("new_password", NEW),
        ("new_password_again", NEW),
    ];
    site.post_form("/account/password", cookie, &fields).await
}

async fn sign_out(site: &Site, cookie: &str, token: &str) {
    let fields = [("csrf_token", token)];
    let answer = site.post_form("/logout", cookie, &fields).await;
    assert_eq!(header(&answer, "location"), "/login?signed_out");
}

async fn is_in(site: &Site, cookie: &str) -> bool {
    site.get("/api/session", cookie).await.status() == 200
}

/// Replaces the session's id in each way there is; `late`: so long after the sign-in that a new password asks for a proof first,
/// which replaces the id, too.
async fn replaced(site: &Site, way: &str, old: &str) -> String {
    if way == "late" {
        site.clock.advance(Duration::from_mins(10));
    }
    let answer = match way {
        "api" => reauthenticate(site, old).await,
        "page" => confirm(site, old).await,
        _ => change_password(site, old).await,
    };
    cookie_of(&answer, "__Host-session").unwrap()
}

const WAYS: [&str; 4] = ["api", "page", "password", "late"];

#[tokio::test]
async fn sign_out_with_old_id_ends_login() {
    for way in WAYS {
        let site = Site::with_user("ada").await;
        let old = site.sign_in("ada").await;
        let token = site.page_token("/dashboard", &old).await;
        let new = replaced(&site, way, &old).await;
        assert!(is_in(&site, &new).await, "{way}");

        site.clock.advance(Duration::from_secs(58));
        sign_out(&site, &old, &token).await;

        assert!(!is_in(&site, &new).await, "{way}");
    }
}

#[tokio::test]
async fn sign_out_with_oldest_id_ends_login() {
    let site = Site::with_user("ada").await;
    let oldest = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &oldest).await;
    let old = replaced(&site, "api", &oldest).await;
    let new = replaced(&site, "page", &old).await;
    sign_out(&site, &oldest, &token).await;
    assert!(!is_in(&site, &new).await);
}

#[tokio::test]
async fn old_id_ends_nothing_after_a_minute() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &old).await;
    let new = replaced(&site, "api", &old).await;
    site.clock.advance(Duration::from_secs(62));
    sign_out(&site, &old, &token).await;
    assert!(is_in(&site, &new).await);
}

#[tokio::test]
async fn old_id_matches_no_session() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let new = replaced(&site, "api", &old).await;
    let routes = [
        (Method::GET, "/api/session", 401),
        (Method::GET, "/api/logins", 401),
        (Method::GET, "/auth/verify", 401),
        (Method::GET, "/dashboard", 303),
        (Method::GET, "/account/logins", 303),
        (Method::POST, "/api/session/token", 401),
        (Method::POST, "/api/session/reauthenticate", 401),
        (Method::DELETE, "/api/logins", 401),
        (Method::POST, "/session/refresh", 401),
    ];
    for (method, path, status) in routes {
        let request = site.request(method, path).header("cookie", &old);
        let request = request.header("sec-fetch-site", "same-origin");
        let body = json!({"password": PASSWORD});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(cookie_of(&answer, "__Host-session"), None, "{path}");
    }
    assert!(is_in(&site, &new).await);
}
