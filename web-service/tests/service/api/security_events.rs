//! `GET /api/account/security-events`.

use serde_json::Value;

use crate::support::{Site, assert_problem};

#[tokio::test]
async fn events_are_listed_with_their_source() {
    let (site, app, session) = Site::with_totp("ada").await;
    let other = site.sign_in_with("ada", &app).await;
    for (cookie, own) in [(&session, true), (&other, false)] {
        let listed = site.get("/api/account/security-events", cookie).await;
        assert_eq!(listed.status(), 200);
        let listed: Value = listed.json().await.unwrap();
        let events = listed["events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{listed}");
        assert_eq!(events[0]["kind"], "TOTP_ADDED");
        assert_eq!(events[0]["own"], own);
        assert_eq!(events[0]["by_administrator"], false);
        assert_eq!(events[0]["ip_address"], "127.0.0.1");
        assert!(events[0]["at"].is_string());
    }
    let anonymous = site.get("/api/account/security-events", "").await;
    assert_problem(anonymous, 401, "SESSION_MISSING").await;
}
