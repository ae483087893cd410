//! `/oauth2/userinfo`: claims of the account.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Site, assert_problem, claims_of};

#[tokio::test]
async fn claims_follow_the_scopes() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    for (scope, username) in [("openid", None), ("openid profile", Some("ada"))] {
        let tokens = site.shop_tokens(&cookie, scope).await;
        let sub = claims_of(&tokens["id_token"])["sub"].clone();
        let mut expected = json!({ "sub": sub });
        if let Some(username) = username {
            expected["preferred_username"] = username.into();
        }
        for method in [Method::GET, Method::POST] {
            let request = site.request(method, "/oauth2/userinfo");
            let token = tokens["access_token"].as_str().unwrap();
            let shown = request.bearer_auth(token).send().await.unwrap();
            assert_eq!(shown.status(), 200);
            assert_eq!(shown.json::<Value>().await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn token_without_openid_is_refused() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let tokens = site.shop_tokens(&cookie, "profile orders:read").await;
    let refused = site.userinfo(&tokens).await;
    let challenge = assert_problem(refused, 403, "INSUFFICIENT_SCOPE").await;
    assert!(
        challenge.contains("error=\"insufficient_scope\""),
        "{challenge}"
    );
    let own = site.tokens("ada").await.0;
    let refused = site.userinfo(&json!({ "access_token": own })).await;
    assert_problem(refused, 401, "TOKEN_WRONG_AUDIENCE").await;
    let missing = site.get("/oauth2/userinfo", &cookie).await;
    let challenge = assert_problem(missing, 401, "TOKEN_MISSING").await;
    assert_eq!(challenge, "Bearer realm=\"holdfast\"");
    let junk = site.userinfo(&json!({"access_token": "junk"})).await;
    let challenge = assert_problem(junk, 401, "TOKEN_MALFORMED").await;
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[tokio::test]
async fn token_of_an_application_is_for_this_endpoint_only() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let tokens = site.shop_tokens(&cookie, "openid profile").await;
    let token = tokens["access_token"].as_str().unwrap();
    for path in ["/api/logins", "/api/applications", "/api/profile"] {
        let request = site.request(Method::GET, path).bearer_auth(token);
        let refused = request.send().await.unwrap();
        assert_problem(refused, 401, "TOKEN_WRONG_AUDIENCE").await;
    }
    let request = site.request(Method::GET, "/auth/verify");
    let refused = request.bearer_auth(token).send().await.unwrap();
    assert_eq!(refused.status(), 401);
}
