//! `WEB_DEVICE_BINDING`: to whom binding is offered, and whom it is required of.

use std::time::Duration;

use serde_json::Value;
use web_service::{
    request::redirect_origins::AllowedRedirectOrigins, session::device_binding::DeviceBinding,
};

use super::{Browser, get, site, site_with};
use crate::support::{PASSWORD, assert_problem};

#[tokio::test]
async fn required_binding_refuses_unbound_session_after_a_minute() {
    let site = site_with(|config| config.device_binding.binding = DeviceBinding::Require).await;
    let bound = Browser::bound(&site).await;
    let plain = Browser::signed_in(&site).await;
    assert_eq!(plain.session().await.status(), 200);
    site.clock.advance(Duration::from_mins(1));
    let refused = plain.session().await;
    assert_problem(refused, 401, "DEVICE_BINDING_REQUIRED").await;
    let unconfirmed = Browser::signed_in(&site).await;
    let jwt = unconfirmed.registration_proof(&unconfirmed.challenge);
    assert_eq!(unconfirmed.bind(&jwt).await.status(), 200);
    site.clock.advance(Duration::from_mins(1));
    let refused = unconfirmed.session().await;
    assert_problem(refused, 401, "DEVICE_BINDING_REQUIRED").await;
    let page = get(&site, "/dashboard", &plain.session, &[]).await;
    assert_eq!(page.status(), 403);
    assert!(page.text().await.unwrap().contains("bound to the device"));
    bound.assert_bound().await;
}

#[tokio::test]
async fn disabled_binding_is_not_offered() {
    let site = site_with(|config| config.device_binding.binding = DeviceBinding::Off).await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let answer = site.submit_login(&fields).await;
    assert_eq!(answer.status(), 303);
    assert!(
        answer
            .headers()
            .get("secure-session-registration")
            .is_none()
    );
}

#[tokio::test]
async fn unbound_session_stays_valid_where_preferred() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    site.clock.advance(Duration::from_mins(20));
    let session: Value = site
        .get("/api/session", &cookie)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(session["bound_at"], Value::Null);
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 200);
}

#[tokio::test]
async fn preferred_binding_is_not_offered_beside_other_origins() {
    let site = site_with(|config| {
        config.return_origins = AllowedRedirectOrigins::new(vec!["https://app.example".to_owned()]);
    })
    .await;
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let answer = site.submit_login(&fields).await;
    let offered = answer.headers().get("secure-session-registration");
    assert!(offered.is_none());
}
