//! `POST /api/session/token`: an access token for the calls of a page.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Site, assert_problem, header};

#[tokio::test]
async fn token_of_page_permits_no_account_operation() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let request = site.same_origin(Method::POST, "/api/session/token", &cookie);
    let answer = request.json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let token: Value = answer.json().await.unwrap();
    assert!(token.get("refresh_token").is_none(), "{token}");
    assert_eq!(
        (token["token_type"].as_str(), token["scope"].as_str()),
        (Some("Bearer"), Some("profile"))
    );
    let access_token = token["access_token"].as_str().unwrap();
    assert_eq!(site.profile(access_token).await.status(), 200);
    let account = site
        .request(Method::GET, "/api/logins")
        .bearer_auth(access_token);
    assert_problem(account.send().await.unwrap(), 403, "INSUFFICIENT_SCOPE").await;
    let request = site.request(Method::POST, "/api/logout");
    let refused = request.bearer_auth(access_token).send().await.unwrap();
    assert_problem(refused, 403, "INSUFFICIENT_SCOPE").await;
    assert!(site.is_signed_in(&cookie).await);
}
