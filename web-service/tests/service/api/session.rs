//! `GET /api/session`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Site, assert_problem};

#[tokio::test]
async fn session_yields_account_and_times() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    site.clock.advance(Duration::from_mins(10));

    let session: Value = site
        .get("/api/session", &cookie)
        .await
        .json()
        .await
        .unwrap();

    assert_eq!(session["username"], "ada");
    assert_eq!(session["auth_time"], "2026-01-01T12:00:00Z");
    assert_eq!(session["created_at"], "2026-01-01T12:00:00Z");
    assert_eq!(session["idle_expires_at"], "2026-01-01T12:40:00Z");
    assert_eq!(session["expires_at"], "2026-01-02T00:00:00Z");
    assert_eq!(session["amr"], json!(["pwd"]));
    assert!(session["sub"].is_string() && session["sid"].is_string());
    let fields: Vec<_> = session.as_object().unwrap().keys().collect();
    assert!(
        fields.iter().all(|field| !field.contains("token")),
        "{fields:?}"
    );
}

#[tokio::test]
async fn missing_session_is_refused() {
    let site = Site::start().await;
    let challenge =
        assert_problem(site.get("/api/session", "").await, 401, "SESSION_MISSING").await;
    assert_eq!(challenge, r#"Session realm="holdfast""#);
}
