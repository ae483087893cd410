//! `POST /api/refresh` (RFC 9700 §4.14.2).

use holdfast_identity::audit::AuditKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Site, assert_problem, until};

#[tokio::test]
async fn refresh_rotates_token_and_reuse_ends_login() {
    let site = Site::with_user("ada").await;
    let (_, first) = site.tokens("ada").await;
    let refresh = async |token: &str| {
        site.post_json("/api/refresh", &json!({"refresh_token": token}))
            .await
    };

    let second: Value = refresh(&first).await.json().await.unwrap();
    assert_ne!(second["refresh_token"], first.as_str());
    site.clock.advance(std::time::Duration::from_secs(11));

    assert_problem(refresh(&first).await, 401, "REFRESH_REUSED").await;
    let successor = second["refresh_token"].as_str().unwrap();
    assert_problem(refresh(successor).await, 401, "LOGIN_ENDED").await;
    assert_problem(refresh("junk").await, 401, "TOKEN_MALFORMED").await;
}

#[tokio::test]
async fn repeat_from_other_user_agent_is_recorded() {
    let site = Site::with_user("ada").await;
    let (_, token) = site.tokens("ada").await;
    let refresh = async |path: &str, agent: &str, token: &str| {
        let request = site.request(Method::POST, path).header("user-agent", agent);
        let request = if path == "/api/refresh" {
            request.json(&json!({"refresh_token": token}))
        } else {
            request.form(&[("grant_type", "refresh_token"), ("refresh_token", token)])
        };
        let issued: Value = request.send().await.unwrap().json().await.unwrap();
        issued["refresh_token"].as_str().unwrap().to_owned()
    };
    let successor = refresh("/api/refresh", "app/1", &token).await;
    assert_eq!(refresh("/api/refresh", "app/1", &token).await, successor);
    assert_eq!(refresh("/oauth2/token", "curl/8", &token).await, successor);
    until("the event", async || {
        let events = site.audit_count(AuditKind::RefreshRepeatedElsewhere).await;
        (events == 1).then_some(())
    })
    .await;
}
