//! The session id is replaced at reauthentication (ASVS 7.2.4), and the response with the new one may be lost.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, header};

const NEW: &str = "quite another long password";

async fn reauthenticate(site: &Site, cookie: &str) -> Response {
    let request = site.request(Method::POST, "/api/session/reauthenticate");
    let request = request.header("cookie", cookie);
    let request = request.header("sec-fetch-site", "same-origin");
    let body = json!({"password": PASSWORD});
    request.json(&body).send().await.unwrap()
}

fn assert_signed_out(answer: &Response) {
    assert_eq!(header(answer, "location"), "/login?signed_out");
}

/// Replaces the session's id in one of the [`WAYS`]. `late` is so long after the sign-in that a password change reauthenticates
/// first, which replaces the id, too.
async fn replace_id(site: &Site, way: &str, old: &str) -> String {
    if way == "late" {
        site.clock.advance(Duration::from_mins(10));
    }
    let answer = match way {
        "api" => reauthenticate(site, old).await,
        "page" => site.confirm_password(old).await,
        _ => site.change_password(old, PASSWORD, NEW).await,
    };
    cookie_of(&answer, "__Host-session").unwrap()
}

/// Ways to replace a session id.
const WAYS: [&str; 4] = ["api", "page", "password", "late"];

#[tokio::test]
async fn sign_out_with_old_id_ends_login() {
    for way in WAYS {
        let site = Site::with_user("ada").await;
        let old = site.sign_in("ada").await;
        let token = site.page_token("/dashboard", &old).await;
        let new = replace_id(&site, way, &old).await;
        assert!(site.is_signed_in(&new).await, "{way}");

        site.clock.advance(Duration::from_secs(58));
        assert_signed_out(&site.sign_out(&old, &token).await);

        assert!(!site.is_signed_in(&new).await, "{way}");
    }
}

#[tokio::test]
async fn sign_out_with_oldest_id_ends_login() {
    let site = Site::with_user("ada").await;
    let oldest = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &oldest).await;
    let old = replace_id(&site, "api", &oldest).await;
    let new = replace_id(&site, "page", &old).await;
    assert_signed_out(&site.sign_out(&oldest, &token).await);
    assert!(!site.is_signed_in(&new).await);
}

#[tokio::test]
async fn old_id_ends_nothing_after_a_minute() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let token = site.page_token("/dashboard", &old).await;
    let new = replace_id(&site, "api", &old).await;
    site.clock.advance(Duration::from_secs(62));
    assert_signed_out(&site.sign_out(&old, &token).await);
    assert!(site.is_signed_in(&new).await);
}

#[tokio::test]
async fn old_id_matches_no_session() {
    let site = Site::with_user("ada").await;
    let old = site.sign_in("ada").await;
    let new = replace_id(&site, "api", &old).await;
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
        if header(&answer, "content-type") == "application/problem+json" {
            assert_problem(answer, 401, "SESSION_MISSING").await;
        }
    }
    assert!(site.is_signed_in(&new).await);
}
