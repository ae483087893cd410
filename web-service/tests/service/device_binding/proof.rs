//! A bound session requires the proof cookie on every route.

use std::time::Duration;

use holdfast_identity::audit::AuditKind;
use web_service::{
    request::{redirect_origins::AllowedRedirectOrigins, trusted_proxies::TrustedProxies},
    session::device_binding::DeviceBinding,
};

use super::{Browser, challenge_of, get, settle_audit_trail, site, site_with};
use crate::support::{assert_problem, authorize_path, header};

#[tokio::test]
async fn bound_session_requires_both_cookies() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    browser.assert_bound().await;
    let alone = browser.session.clone();

    let refused = site.get("/api/session", &alone).await;
    assert!(refused.headers().get("set-cookie").is_none());
    assert_problem(refused, 401, "DEVICE_PROOF_MISSING").await;
    let page = site.get("/dashboard", &alone).await;
    assert_eq!(page.status(), 303);
    assert!(page.headers().get("set-cookie").is_none());
    let forged = format!("{alone}; __Host-session-proof=AAAA");
    assert_eq!(site.get("/api/session", &forged).await.status(), 401);
    let twice = format!("{}; {}", browser.cookies(), browser.proof);
    assert_eq!(site.get("/api/session", &twice).await.status(), 401);

    browser.assert_bound().await;
    browser.renew().await;
    browser.assert_bound().await;
}

#[tokio::test]
async fn request_without_proof_does_not_extend_session() {
    let site = site().await;
    let mut browser = Browser::bound(&site).await;
    for _ in 0..29 {
        site.clock.advance(Duration::from_mins(1));
        assert_eq!(
            site.get("/api/session", &browser.session).await.status(),
            401
        );
    }
    browser.challenge = challenge_of(&browser.refresh_without_proof().await, &browser.sid);
    browser.renew().await;
    browser.assert_bound().await;
    site.clock.advance(Duration::from_mins(30));
    let over = browser.refresh_without_proof().await;
    assert_problem(over, 401, "SESSION_MISSING").await;
}

#[tokio::test]
async fn navigation_from_other_site_reloads_once() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    for path in ["/dashboard?a=%22b", "/login?next=/dashboard"] {
        let headers = |from| {
            [
                ("sec-fetch-site", from),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ]
        };
        let led = get(&site, path, &browser.session, &headers("cross-site")).await;
        assert_eq!(led.status(), 401);
        assert!(led.headers().get("set-cookie").is_none());
        let page = led.text().await.unwrap();
        assert!(
            page.contains("http-equiv=\"refresh\" content=\"0\""),
            "{page}"
        );
        assert!(!page.contains("<script"), "{page}");

        let again = get(&site, path, &browser.session, &headers("same-origin")).await;
        assert!([200, 303].contains(&again.status().as_u16()));
        let signs_in = header(&again, "location").starts_with("/login")
            || again.text().await.unwrap().contains("Sign in");
        assert!(signs_in, "the page reloads once only");
    }
    let headers = [("sec-fetch-site", "cross-site")];
    let image = get(&site, "/dashboard", &browser.session, &headers).await;
    assert_eq!(image.status(), 303);
}

#[tokio::test]
async fn authorization_request_needs_proof_of_bound_session() {
    let site = site().await;
    site.add_shop(|_| ()).await;
    let browser = Browser::bound(&site).await;
    let cross_site = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let path = authorize_path(&[("scope", "openid")]);
    let led = get(&site, &path, &browser.session, &cross_site).await;
    assert_eq!(led.status(), 401);
    let page = led.text().await.unwrap();
    assert!(
        page.contains("http-equiv=\"refresh\" content=\"0\""),
        "{page}"
    );
    let asked = get(&site, &path, &browser.cookies(), &[]).await;
    let page = asked.text().await.unwrap();
    assert!(page.contains("asks for access"), "{page}");
    let without = site.decide(&browser.session, &page, "allow").await;
    assert!(
        header(&without, "location").starts_with("/login?next="),
        "no decision counts"
    );
    let allowed = site.decide(&browser.cookies(), &page, "allow").await;
    assert_eq!(allowed.status(), 200);
    let signs_in = get(
        &site,
        &path,
        &browser.session,
        &[("sec-fetch-site", "none")],
    )
    .await;
    let login = header(&signs_in, "location");
    let form = get(
        &site,
        login,
        &browser.session,
        &[("sec-fetch-site", "none")],
    )
    .await;
    assert_eq!(form.status(), 200, "the browser is not sent in circles");
}

#[tokio::test]
async fn skipped_refresh_after_outage_is_unavailable() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    for why in ["server_error", "unreachable"] {
        let skipped = format!("{why};session_identifier=\"{}\"", browser.sid);
        let headers = [("secure-session-skipped", skipped.as_str())];
        let answer = get(&site, "/api/session", &browser.session, &headers).await;
        assert_eq!(header(&answer, "retry-after"), "1");
        assert_problem(answer, 503, "DEVICE_NOT_ASKED").await;
    }
    settle_audit_trail(&site, 2).await;
    assert_eq!(site.audit_count(AuditKind::TheftSuspected).await, 0);
}

#[tokio::test]
async fn sign_out_removes_both_cookies() {
    let site = site().await;
    let browser = Browser::bound(&site).await;
    let page = get(&site, "/dashboard", &browser.cookies(), &[]).await;
    let page = page.text().await.unwrap();
    let token = page.split("csrf_token\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let answer = site
        .post_form("/logout", &browser.cookies(), &[("csrf_token", token)])
        .await;
    let removed: Vec<_> = answer.headers().get_all("set-cookie").into_iter().collect();
    assert_eq!(removed.len(), 2, "{removed:?}");
    assert!(header(&answer, "clear-site-data").contains("\"storage\""));
    assert_eq!(browser.refresh_without_proof().await.status(), 401);
    assert_eq!(browser.session().await.status(), 401);
}

#[tokio::test]
async fn forward_auth_requires_both_cookies() {
    let app = "https://app.example";
    let site = site_with(|config| {
        config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
        config.return_origins = AllowedRedirectOrigins::new(vec![app.to_owned()]);
        config.device_binding.binding = DeviceBinding::Require;
    })
    .await;
    let browser = Browser::bound(&site).await;
    let described = [("x-original-method", "GET"), ("x-original-uri", "/")];
    let both = get(&site, "/auth/verify", &browser.cookies(), &described).await;
    assert_eq!(both.status(), 200);
    assert_eq!(header(&both, "x-auth-user"), "ada");
    let alone = get(&site, "/auth/verify", &browser.session, &described).await;
    assert_eq!(alone.status(), 401);
    assert_eq!(header(&alone, "x-auth-user"), "");

    // A navigation is redirected to a page where the browser renews the proof, and back without a click.
    let navigates = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orders?page=2"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example"),
        ("accept", "text/html"),
    ];
    let led = get(&site, "/auth/verify", &browser.session, &navigates).await;
    let location = header(&led, "location").strip_prefix(&site.origin).unwrap();
    let here = location.to_owned();
    assert!(here.starts_with("/account/again?to=https"), "{here}");
    let cross = [
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let page = get(&site, &here, &browser.session, &cross).await;
    assert!(page.text().await.unwrap().contains("http-equiv"));
    let back = get(&site, &here, &browser.cookies(), &[]).await;
    assert_eq!(
        header(&back, "location"),
        "https://app.example/orders?page=2"
    );
    let anonymous = get(&site, &here, "", &[]).await;
    assert!(header(&anonymous, "location").starts_with("/login?next=%2Fcontinue"));
    let elsewhere = "/account/again?to=https://evil.example/";
    let elsewhere = get(&site, elsewhere, &browser.cookies(), &[]).await;
    assert_eq!(elsewhere.status(), 404);
}
