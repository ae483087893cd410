//! `/api/logins`: what a request with a cookie and one with an access token must present.

use reqwest::Method;

use crate::support::{Site, assert_problem, with_headers};

#[tokio::test]
async fn cookie_without_same_origin_changes_nothing() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let other = site.sign_in("ada").await;
    let json = ("content-type", "application/json");
    let own = ("sec-fetch-site", "same-origin");
    let foreign = (403, "FOREIGN_ORIGIN");
    let unreadable = (415, "INVALID_REQUEST");
    let cases = [
        (&[][..], foreign),
        (&[json], foreign),
        (&[own], unreadable),
        (&[own, ("content-type", "text/plain")], unreadable),
        (&[json, ("sec-fetch-site", "same-site")], foreign),
        (&[json, ("origin", "https://evil.example")], foreign),
    ];
    for (method, path) in [
        (Method::DELETE, "/api/logins"),
        (Method::DELETE, "/api/logins/x"),
        (Method::POST, "/api/session/token"),
    ] {
        for (headers, (status, reason)) in cases {
            let request = site.request(method.clone(), path).header("cookie", &cookie);
            let response = with_headers(request, headers).send().await.unwrap();
            assert_problem(response, status, reason).await;
        }
    }
    assert!(site.is_signed_in(&other).await, "nothing was ended");
}

#[tokio::test]
async fn bearer_token_requires_scope_account() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let (token, _) = site.tokens("ada").await;
    for (method, path) in [
        (Method::GET, "/api/logins"),
        (Method::DELETE, "/api/logins"),
        (Method::DELETE, "/api/logins/x"),
    ] {
        let request = site.request(method.clone(), path).bearer_auth(&token);
        // A cookie beside it has no effect.
        let response = request.header("cookie", &cookie).send().await.unwrap();
        assert_problem(response, 403, "INSUFFICIENT_SCOPE").await;
    }
}
