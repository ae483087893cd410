//! `POST /api/logout`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Site, assert_problem};

#[tokio::test]
async fn access_token_ends_whole_login() {
    let site = Site::with_user("ada").await;
    let (access, refresh) = site.tokens("ada").await;
    let (other, _) = site.tokens("ada").await;

    let request = site
        .request(Method::POST, "/api/logout")
        .bearer_auth(&access);
    assert_eq!(request.send().await.unwrap().status(), 204);

    assert_problem(site.profile(&access).await, 401, "LOGIN_ENDED").await;
    let refreshed = site
        .post_json("/api/refresh", &json!({"refresh_token": refresh}))
        .await;
    assert_problem(refreshed, 401, "LOGIN_ENDED").await;
    assert_eq!(site.profile(&other).await.status(), 200);
    let missing = site
        .request(Method::POST, "/api/logout")
        .send()
        .await
        .unwrap();
    assert_problem(missing, 401, "TOKEN_MISSING").await;
}

#[tokio::test]
async fn expired_access_token_or_refresh_token_signs_out() {
    let site = Site::with_user("ada").await;
    let logout = || site.request(Method::POST, "/api/logout");
    let is_live = async |token: &str| {
        let body = json!({"refresh_token": token});
        site.post_json("/api/refresh", &body).await.status() == 200
    };
    let (expired, refresh) = site.tokens("ada").await;
    site.clock.advance(std::time::Duration::from_mins(16));
    assert_problem(site.profile(&expired).await, 401, "TOKEN_EXPIRED").await;
    let junk = logout().bearer_auth(format!("{expired}A"));
    assert_eq!(junk.send().await.unwrap().status(), 401);
    let answer = logout().bearer_auth(&expired).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert!(!is_live(&refresh).await);

    let (access, refresh) = site.tokens("ada").await;
    let body = json!({"refresh_token": refresh});
    for _twice in 0..2 {
        let answer = logout().json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }
    assert!(!is_live(&refresh).await);
    assert_problem(site.profile(&access).await, 401, "LOGIN_ENDED").await;

    // With both, `Authorization` decides.
    let (_, refresh) = site.tokens("ada").await;
    let both = logout().bearer_auth("junk");
    let both = both.json(&json!({"refresh_token": refresh}));
    assert_problem(both.send().await.unwrap(), 401, "TOKEN_MALFORMED").await;
    assert!(is_live(&refresh).await);
    let empty = logout().json(&json!({})).send().await.unwrap();
    assert_problem(empty, 422, "INVALID_REQUEST").await;
    let null = logout().json(&Value::Null).send().await.unwrap();
    assert_problem(null, 401, "TOKEN_MISSING").await;
}
