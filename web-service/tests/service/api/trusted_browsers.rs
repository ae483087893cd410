//! `GET /api/account/trusted-browsers` and `DELETE /api/account/trusted-browsers/{id}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Site, assert_problem, cookie_of};

#[tokio::test]
async fn trusted_browser_is_listed_and_ended() {
    let (site, app, _) = Site::with_totp("ada").await;
    let step = site.after_password("ada").await;
    let code = app.code(&site);
    let fields = [("factor", "totp"), ("code", &code), ("trust", "yes")];
    let done = site.present(&step, &fields).await;
    let session = cookie_of(&done, "__Host-session").unwrap();
    let list = async || {
        let listed = site.get("/api/account/trusted-browsers", &session).await;
        let listed: Value = listed.json().await.unwrap();
        listed["browsers"].as_array().unwrap().clone()
    };
    let listed = list().await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["bound"], false);
    assert!(listed[0]["last_used_at"].is_null());
    let id = listed[0]["id"].as_str().unwrap();
    let path = format!("/api/account/trusted-browsers/{id}");
    let end = async || {
        let request = (Method::DELETE, path.as_str());
        site.send_json(request, &session, &json!({})).await
    };
    assert_eq!(end().await.status(), 204);
    assert!(list().await.is_empty());
    assert_problem(end().await, 404, "FACTOR_NOT_FOUND").await;
}
