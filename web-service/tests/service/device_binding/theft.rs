//! `THEFT_SUSPECTED`: which requests are reported as a theft, and which are not.

use std::time::Duration;

use holdfast_identity::audit::AuditKind;
use web_service::session::device_binding::{OnTheft, protocol::PROOF_TTL};

use super::{Browser, challenge_of, get, settle_audit_trail, site, site_with};
use crate::support::{PASSWORD, assert_problem, until};

#[tokio::test]
async fn copied_cookies_work_until_proof_expires_and_are_recorded() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    let copies = browser.cookies();
    let second = Duration::from_secs(1);
    site.clock.advance(PROOF_TTL.saturating_sub(second));
    assert_eq!(site.get("/api/session", &copies).await.status(), 200);
    settle_audit_trail(&site, 2).await;
    assert_eq!(site.audit_count(AuditKind::TheftSuspected).await, 0);

    site.clock.advance(second);
    let refused = site.get("/api/session", &copies).await;
    assert_problem(refused, 401, "DEVICE_PROOF_MISSING").await;
    site.clock.advance(second * 30);
    for _ in 0..3 {
        let refused = site.get("/api/session", &copies).await;
        assert_problem(refused, 401, "DEVICE_PROOF_MISSING").await;
    }
    settle_audit_trail(&site, 3).await;
    assert_eq!(site.audit_count(AuditKind::TheftSuspected).await, 1);

    browser.renew().await;
    browser.assert_bound().await;
}

#[tokio::test]
async fn session_cookie_from_other_device_is_recorded_once() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    let led = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    get(&site, "/dashboard", &browser.session, &led).await;
    get(&site, "/api/session", &browser.session, &[]).await;
    assert_eq!(
        site.get("/api/session", &browser.session).await.status(),
        401
    );
    settle_audit_trail(&site, 2).await;
    assert_eq!(site.audit_count(AuditKind::TheftSuspected).await, 1);
    browser.assert_bound().await;
}

#[tokio::test]
async fn suspected_theft_ends_login_where_configured() {
    let site = site_with(|config| config.device_binding.on_theft = OnTheft::EndLogin).await;
    let mut browser = Browser::bound(&site).await;
    let copies = browser.cookies();
    let alone = site.get("/api/session", &browser.session).await;
    assert_eq!(alone.status(), 401);
    until("the suspicion in the audit trail", async || {
        (site.audit_count(AuditKind::TheftSuspected).await == 1).then_some(())
    })
    .await;
    browser.renew().await;
    browser.assert_bound().await;

    // Another user agent may be an update of the browser; another device with an expired proof cookie is a copy.
    site.clock.advance(PROOF_TTL + Duration::from_mins(2));
    assert_eq!(site.get("/api/session", &copies).await.status(), 401);
    until("the session to end", async || {
        (browser.refresh_without_proof().await.status() == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn lost_binding_response_locks_out_no_browser() {
    let site = site().await;
    let mut browser = Browser::signed_in(&site).await;
    let jwt = browser.registration_proof(&browser.challenge);
    let lost = browser.bind(&jwt).await;
    assert_eq!(lost.status(), 200);
    site.clock.advance(Duration::from_mins(10));
    assert_eq!(browser.session().await.status(), 200);
    settle_audit_trail(&site, 1).await;

    browser.store_proof(lost).await;
    assert_eq!(
        browser.session().await.status(),
        200,
        "an expired proof cookie does not confirm the binding"
    );
    browser.challenge = challenge_of(&browser.refresh_without_proof().await, &browser.sid);
    browser.renew().await;
    browser.assert_bound().await;
    let alone = site.get("/api/session", &browser.session).await;
    assert_eq!(
        alone.status(),
        401,
        "a confirmed binding requires the proof"
    );
}

#[tokio::test]
async fn sign_in_with_copied_cookie_ends_no_login() {
    let site = site().await;
    site.add_user("eve").await;
    let browser = Browser::bound(&site).await;
    let (cookie, token) = site.login_form().await;
    let fields = [
        ("username", "eve"),
        ("password", PASSWORD),
        ("csrf_token", token.as_str()),
    ];
    let cookies = format!("{cookie}; {}", browser.session);
    let signed_in = site.post_form("/login", &cookies, &fields).await;
    assert_eq!(signed_in.status(), 303);
    browser.assert_bound().await;
}

#[tokio::test]
async fn expired_challenge_is_not_recorded() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    site.clock.advance(Duration::from_mins(11));
    let old = browser
        .refresh(&browser.refresh_proof(&browser.challenge))
        .await;
    assert_eq!(old.status(), 403);
    browser.challenge = challenge_of(&old, &browser.sid);
    browser.renew().await;
    settle_audit_trail(&site, 2).await;
    assert_eq!(site.audit_count(AuditKind::DeviceProofRefused).await, 0);
    assert_eq!(site.audit_count(AuditKind::TheftSuspected).await, 0);
}
