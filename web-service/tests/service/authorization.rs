//! `Authorization` beside a session cookie: which schemes are credentials, and which one takes precedence.

use reqwest::Method;
use serde_json::json;

use crate::support::{Site, assert_problem};

#[tokio::test]
async fn invalid_bearer_token_is_refused_despite_cookie() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let request = site
        .request(Method::GET, "/api/session")
        .header("cookie", cookie);
    let answer = request.bearer_auth("x").send().await.unwrap();
    assert_problem(answer, 401, "SESSION_MISSING").await;
}

/// Credentials for a proxy or a staging site (RFC 9110 §11) are not credentials for Holdfast.
#[tokio::test]
async fn unknown_scheme_is_ignored_on_every_route() {
    let site = Site::start_behind_for(["127.0.0.0/8"], []).await;
    site.add_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let status = async |path: &str, authorization: &str, cookie: &str| {
        let request = site
            .request(Method::GET, path)
            .header("cookie", cookie)
            .header("authorization", authorization)
            .header("x-original-method", "GET");
        request.send().await.unwrap().status().as_u16()
    };
    let pages = ["/api/session", "/api/logins", "/auth/verify", "/dashboard"];
    for scheme in ["Basic c3RhZ2luZzpzaXRl", "Negotiate abc", "AWS4 a=b", ""] {
        for path in pages {
            assert_eq!(status(path, scheme, &cookie).await, 200, "{path} {scheme}");
            assert_ne!(status(path, scheme, "").await, 200, "{path} {scheme}");
        }
        assert_eq!(
            status("/api/profile", scheme, &cookie).await,
            401,
            "{scheme}"
        );
    }
    // A bearer or DPoP token takes precedence, valid or not, beside a cookie and beside another scheme.
    for scheme in ["Bearer abc", "bearer", "DPoP abc"] {
        for path in &pages[..3] {
            assert_eq!(status(path, scheme, &cookie).await, 401, "{path} {scheme}");
        }
    }
    let both = site
        .request(Method::GET, "/api/session")
        .header("cookie", &cookie)
        .header("authorization", "Basic c3RhZ2luZzpzaXRl")
        .header("authorization", "Bearer abc");
    assert_eq!(both.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn cookie_beside_unknown_scheme_requires_same_origin() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let end_others = async |site_says: &str| {
        let request = site
            .request(Method::DELETE, "/api/logins")
            .header("cookie", &cookie)
            .header("authorization", "Basic c3RhZ2luZzpzaXRl")
            .header("sec-fetch-site", site_says);
        request.json(&json!({})).send().await.unwrap().status()
    };
    assert_eq!(end_others("cross-site").await, 403);
    assert_eq!(end_others("same-origin").await, 204);
}
