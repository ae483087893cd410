//! Notices of security events, and `/account/notices/dismiss`.

use std::time::Duration;

use crate::support::{PASSWORD, Site, cookie_of, form_token, header};

const NOTICES: &str = "Security notices";

async fn page(site: &Site, path: &str, cookies: &str) -> String {
    let page = site.get(path, cookies).await;
    assert_eq!(page.status(), 200, "{path}");
    page.text().await.unwrap()
}

/// The value of a hidden field.
fn field(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn event_of_another_session_is_a_notice_until_it_is_dismissed() {
    let site = Site::with_passkeys("ada").await;
    let (acting, other) = (site.sign_in("ada").await, site.sign_in("ada").await);
    assert!(!page(&site, "/dashboard", &other).await.contains(NOTICES));
    let passkey = site.register_passkey(&acting).await;
    let own = page(&site, "/dashboard", &acting).await;
    assert!(!own.contains(NOTICES), "{own}");
    for path in [
        "/dashboard",
        "/account/security",
        "/account/logins",
        "/account/passkeys",
        "/account/recovery-codes",
    ] {
        let page = page(&site, path, &other).await;
        assert!(page.contains("A passkey was added</strong> on"), "{page}");
        assert!(page.contains("Not you?"), "{page}");
        assert_eq!(field(&page, "next"), path);
    }

    let dashboard = page(&site, "/dashboard", &other).await;
    let (token, until) = (form_token(&dashboard), field(&dashboard, "until"));
    let dismiss = async |token: &str| {
        let fields = [
            ("csrf_token", token),
            ("until", until.as_str()),
            ("next", "/account/logins"),
        ];
        site.post_form("/account/notices/dismiss", &other, &fields)
            .await
    };
    let forged = dismiss("x").await;
    assert_eq!(forged.status(), 403);
    assert!(cookie_of(&forged, "__Host-notices").is_none());
    let dismissed = dismiss(&token).await;
    assert_eq!(header(&dismissed, "location"), "/account/logins");
    let cookie = cookie_of(&dismissed, "__Host-notices").unwrap();
    let with_cookie = format!("{other}; {cookie}");
    let dashboard = page(&site, "/dashboard", &with_cookie).await;
    assert!(!dashboard.contains(NOTICES), "{dashboard}");
    let dashboard = page(&site, "/dashboard", &other).await;
    assert!(dashboard.contains(NOTICES), "in another browser");

    site.clock.advance(Duration::from_secs(1));
    let strong = cookie_of(&site.sign_in_by(&passkey).await, "__Host-session");
    site.recovery_codes(&strong.unwrap()).await;
    let dashboard = page(&site, "/dashboard", &with_cookie).await;
    assert!(dashboard.contains("New recovery codes were made"));
    assert!(!dashboard.contains("A passkey was added"), "{dashboard}");
}

#[tokio::test]
async fn own_event_is_no_notice_at_the_next_sign_in_in_its_browser() {
    let (site, app, session) = Site::with_totp("ada").await;
    let dashboard = site.get("/dashboard", &session).await;
    let cookie = cookie_of(&dashboard, "__Host-notices").unwrap();
    let again = site.sign_in_with("ada", &app).await;
    let dashboard = page(&site, "/dashboard", &format!("{again}; {cookie}")).await;
    assert!(!dashboard.contains(NOTICES), "{dashboard}");
    let dashboard = page(&site, "/dashboard", &again).await;
    assert!(dashboard.contains("An authenticator app was set up"));
    let security = page(&site, "/account/security", &session).await;
    assert!(security.contains("What happened in the last 30 days"));
    assert!(!security.contains(NOTICES), "{security}");
}

#[tokio::test]
async fn use_of_a_recovery_code_is_a_notice_at_the_next_sign_in() {
    let (site, app, _) = Site::with_totp("ada").await;
    let session = site.sign_in_with("ada", &app).await;
    let codes = site.recovery_codes(&session).await;
    // What happened until here is acknowledged in this browser.
    let dashboard = page(&site, "/dashboard", &session).await;
    let (token, until) = (form_token(&dashboard), field(&dashboard, "until"));
    let fields = [("csrf_token", token.as_str()), ("until", &until)];
    let dismissed = site.post_form("/account/notices/dismiss", &session, &fields);
    let cookie = cookie_of(&dismissed.await, "__Host-notices").unwrap();
    site.clock.advance(Duration::from_secs(30));

    let step = site.after_password("ada").await;
    let fields = [("factor", "recovery_code"), ("code", codes[0].as_str())];
    let done = site.present(&step, &fields).await;
    let by_code = cookie_of(&done, "__Host-session").unwrap();
    let cookies = format!("{by_code}; {cookie}");
    let dashboard = site.get("/dashboard", &cookies).await;
    assert!(cookie_of(&dashboard, "__Host-notices").is_none());
    assert!(!dashboard.text().await.unwrap().contains(NOTICES));

    let next = site.sign_in_with("ada", &app).await;
    let dashboard = page(&site, "/dashboard", &format!("{next}; {cookie}")).await;
    assert!(
        dashboard.contains("A recovery code was used</strong> on"),
        "{dashboard}"
    );
}

#[tokio::test]
async fn password_change_is_no_notice_in_its_browser() {
    let site = Site::with_user("ada").await;
    let session = site.sign_in("ada").await;
    let changed = site
        .change_password(&session, PASSWORD, "quite another long password")
        .await;
    let session = cookie_of(&changed, "__Host-session").unwrap();
    let cookie = cookie_of(&changed, "__Host-notices").unwrap();
    let dashboard = page(&site, "/dashboard", &format!("{session}; {cookie}")).await;
    assert!(!dashboard.contains(NOTICES), "{dashboard}");
    let dashboard = page(&site, "/dashboard", &session).await;
    assert!(dashboard.contains("The password was changed</strong> on"));
}
