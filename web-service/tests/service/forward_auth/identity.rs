//! Identity headers of the response, and what credentials, scope and audience decide.

use super::{identity, site, verify, verify_method};
use crate::support::header;

#[tokio::test]
async fn every_response_has_every_identity_header() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let passed = verify(&site, "", &[("cookie", &cookie)]).await;
    assert_eq!(
        (passed.status().as_u16(), header(&passed, "cache-control")),
        (200, "no-store")
    );
    let [user, subject, login, scope, method] = identity(&passed);
    assert_eq!(
        (user.as_str(), scope.as_str(), method.as_str()),
        ("ada", "profile", "cookie")
    );
    assert!(!subject.is_empty() && !login.is_empty());

    let (token, _) = site.tokens("ada").await;
    let bearer = format!("Bearer {token}");
    let passed = verify(&site, "?scope=profile", &[("authorization", &bearer)]).await;
    assert_eq!(identity(&passed)[4], "bearer");

    let (known, own) = (
        ("cookie", cookie.as_str()),
        ("authorization", bearer.as_str()),
    );
    let junk = ("authorization", "Bearer a.b.c");
    let (unauthenticated, scope) = ("Session realm", "insufficient_scope");
    for (query, headers, status, challenge) in [
        ("", &[][..], 401, unauthenticated),
        ("", &[junk, known], 401, unauthenticated),
        ("?scope=orders:read", &[known], 403, scope),
        ("?scope=orders:read", &[own], 403, scope),
        (
            "?audience=https://other.example",
            &[own],
            401,
            unauthenticated,
        ),
        ("?max_age=soon", &[known], 403, ""),
        ("?scopes=profile", &[known], 403, ""),
    ] {
        let denied = verify(&site, query, headers).await;
        assert_eq!(denied.status(), status, "{query} {headers:?}");
        let challenged = header(&denied, "www-authenticate");
        assert!(challenged.contains(challenge), "{query} {challenged}");
        assert_eq!(challenged.is_empty(), challenge.is_empty(), "{query}");
        assert_eq!(identity(&denied), [const { String::new() }; 5]);
    }
}

/// A preflight carries no credential, so the application would receive a request without an identity.
#[tokio::test]
async fn preflight_is_refused() {
    let site = site().await;
    let preflight = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("origin", "https://other.example"),
        ("access-control-request-method", "POST"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-site", "cross-site"),
    ];
    let denied = verify_method(&site, "OPTIONS", &preflight).await;
    assert_eq!(denied.status(), 401);
    assert_eq!(header(&denied, "location"), "");
    assert_eq!(header(&denied, "access-control-allow-origin"), "");
    assert_eq!(identity(&denied), [const { String::new() }; 5]);
}
