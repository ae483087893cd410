//! `GET` and `POST /login/factor`: the second factor of a sign-in.

use std::time::Duration;

use holdfast_identity::{audit::AuditKind, authentication::SecondFactorPolicy};

use crate::support::{
    AuthOptions, PASSWORD, Site, TotpApp, cookie_of, header, options_of, secret_of,
};

#[tokio::test]
async fn code_completes_sign_in_at_requested_page() {
    let (site, app, _) = Site::with_totp("ada").await;
    let (cookie, token) = site.login_form().await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("username", "ada"),
        ("password", PASSWORD),
        ("next", "/account/logins?a=b"),
    ];
    let asked = site.post_form("/login", &cookie, &fields).await;
    let path = header(&asked, "location").to_owned();
    assert_eq!(path, "/login/factor?next=%2Faccount%2Flogins%3Fa%3Db");
    assert_eq!(cookie_of(&asked, "__Host-session"), None);
    let attempt = cookie_of(&asked, "__Host-attempt").unwrap();
    let cookies = format!("{cookie}; {attempt}");
    let skipped = site.get("/dashboard", &cookies).await;
    assert_eq!(header(&skipped, "location"), "/login?next=%2Fdashboard");
    assert!(!attempt.contains("hfa_"), "it is encrypted: {attempt}");

    let page = site.get(&path, &cookies).await;
    assert_eq!(header(&page, "cache-control"), "no-store");
    assert!(!header(&page, "content-security-policy").contains("script-src"));
    let code = app.code(&site);
    let fields = [
        ("csrf_token", token.as_str()),
        ("factor", "totp"),
        ("code", code.as_str()),
    ];
    let done = site.post_form(&path, &cookies, &fields).await;
    assert_eq!(
        (done.status().as_u16(), header(&done, "location")),
        (303, "/account/logins?a=b")
    );
    let session = cookie_of(&done, "__Host-session").unwrap();
    assert_eq!(
        cookie_of(&done, "__Host-attempt").unwrap(),
        "__Host-attempt="
    );
    let shown = site.session(&session).await;
    assert_eq!(shown["acr"], "aal2");
    assert_eq!(shown["amr"], serde_json::json!(["pwd", "otp", "mfa"]));

    // The browser sends the form again, and gets the same login.
    let again = site.post_form(&path, &cookies, &fields).await;
    assert_eq!(again.status(), 303);
    let again = cookie_of(&again, "__Host-session").unwrap();
    assert_eq!(site.session(&again).await["sid"], shown["sid"]);
}

#[tokio::test]
async fn refused_step_shows_the_form_again() {
    let (site, app, _) = Site::with_totp("ada").await;
    let step = site.after_password("ada").await;
    let wrong = app.wrong_code(&site);
    for (factor, code, status, text) in [
        ("totp", wrong.as_str(), 401, "The code is wrong"),
        ("totp", "12345", 401, "The code is wrong"),
        ("totp", " ", 422, "Please type the code"),
        ("totp", "", 422, "Please type the code"),
    ] {
        let refused = site
            .present(&step, &[("factor", factor), ("code", code)])
            .await;
        assert_eq!(refused.status(), status, "{code}");
        assert_eq!(cookie_of(&refused, "__Host-session"), None);
        let page = refused.text().await.unwrap();
        assert!(page.contains(text), "{page}");
        assert!(page.contains("totp-code"), "the form is there again");
    }
    // A factor that is not offered.
    let recovery = [("factor", "recovery_code"), ("code", "0000-0000-0000-0000")];
    let refused = site.present(&step, &recovery).await;
    assert_eq!(refused.status(), 401);
    let enrolment = [("factor", "enrol_totp"), ("code", wrong.as_str())];
    let refused = site.present(&step, &enrolment).await;
    assert_eq!(
        header(&refused, "location"),
        "/login?next=%2Fdashboard&expired"
    );

    let code = app.code(&site);
    let done = site
        .present(&step, &[("factor", "totp"), ("code", &code)])
        .await;
    assert_eq!(done.status(), 303);
}

#[tokio::test]
async fn attempt_belongs_to_its_browser_and_expires() {
    let (site, app, session) = Site::with_totp("ada").await;
    let step = site.after_password("ada").await;
    let (other_form, other_token) = site.login_form().await;
    let attempt = step.cookies.rsplit_once("; ").unwrap().1.to_owned();
    let own_form = step.cookies.split("; ").next().unwrap().to_owned();
    let code = app.code(&site);
    let send = async |cookies: &str, token: &str| {
        let fields = [("csrf_token", token), ("factor", "totp"), ("code", &code)];
        site.post_form("/login/factor", cookies, &fields).await
    };
    for (cookies, token) in [
        (format!("{other_form}; {attempt}"), other_token.as_str()),
        (format!("{other_form}; {attempt}"), step.token.as_str()),
        (format!("{own_form}; {attempt}"), ""),
        (format!("{own_form}; {attempt}; {attempt}"), &step.token),
        (format!("{own_form}; __Host-attempt=AAAA"), &step.token),
        (own_form.clone(), &step.token),
        (attempt.clone(), &step.token),
        (session, &step.token),
    ] {
        let refused = send(&cookies, token).await;
        let target = header(&refused, "location");
        assert_eq!(target, "/login?next=%2Fdashboard&expired", "{cookies}");
        assert_eq!(cookie_of(&refused, "__Host-session"), None);
    }
    let without = site.get("/login/factor?next=/account/logins", "").await;
    assert_eq!(
        header(&without, "location"),
        "/login?next=%2Faccount%2Flogins"
    );

    site.clock.advance(Duration::from_mins(10));
    let late = send(&step.cookies, &step.token).await;
    assert_eq!(
        header(&late, "location"),
        "/login?next=%2Fdashboard&expired"
    );
    let shown = site.get(header(&late, "location"), &own_form).await;
    assert!(shown.text().await.unwrap().contains("This took too long"));
}

#[tokio::test]
async fn sign_in_leads_to_local_target_only() {
    let (site, app, _) = Site::with_totp("ada").await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let step = site.after_password("ada").await;
        let path = format!("/login/factor?next={next}");
        let code = app.code(&site);
        let fields = [
            ("csrf_token", step.token.as_str()),
            ("factor", "totp"),
            ("code", code.as_str()),
        ];
        let done = site.post_form(&path, &step.cookies, &fields).await;
        assert_eq!(header(&done, "location"), "/dashboard", "{next}");
        let shown = site.get(&path, "").await;
        assert_eq!(header(&shown, "location"), "/login?next=%2Fdashboard");
        site.clock.advance(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn account_disabled_between_steps_is_refused() {
    let (site, app, _) = Site::with_totp("ada").await;
    let step = site.after_password("ada").await;
    site.disable("ada").await;
    let code = app.code(&site);
    let refused = site
        .present(&step, &[("factor", "totp"), ("code", &code)])
        .await;
    assert_eq!(refused.status(), 401);
    assert_eq!(cookie_of(&refused, "__Host-session"), None);
}

#[tokio::test]
async fn wrong_codes_are_throttled_whatever_the_attempt() {
    let (site, app, _) = Site::with_totp("ada").await;
    let mut last = None;
    for _ in 0..12 {
        let step = site.after_password("ada").await;
        let wrong = app.wrong_code(&site);
        last = Some(
            site.present(&step, &[("factor", "totp"), ("code", &wrong)])
                .await,
        );
    }
    let last = last.unwrap();
    assert_eq!(last.status(), 429);
    assert!(!header(&last, "retry-after").is_empty());
    let page = last.text().await.unwrap();
    assert!(page.contains("Too many codes were tried"), "{page}");
}

#[tokio::test]
async fn recovery_code_signs_in_once_and_is_reported() {
    let (site, app, _) = Site::with_totp("ada").await;
    let session = site.sign_in_with("ada", &app).await;
    let codes = site.recovery_codes(&session).await;
    assert_eq!(codes.len(), 10);
    let step = site.after_password("ada").await;
    assert!(step.page.contains("recovery-code"), "{}", step.page);
    let fields = [("factor", "recovery_code"), ("code", codes[0].as_str())];
    let done = site.present(&step, &fields).await;
    assert_eq!(
        header(&done, "location"),
        "/account/security?next=%2Fdashboard"
    );
    let session = cookie_of(&done, "__Host-session").unwrap();
    let page = site
        .get("/account/security?next=%2Fdashboard", &session)
        .await;
    let page = page.text().await.unwrap();
    assert!(
        page.contains("You signed in with a recovery code"),
        "{page}"
    );
    assert!(page.contains("9 of them are left"), "{page}");
    assert!(page.contains(r#"href="/dashboard">Go on</a>"#), "{page}");

    let step = site.after_password("ada").await;
    assert_eq!(site.present(&step, &fields).await.status(), 401);
    assert_eq!(site.audit_count(AuditKind::RecoveryCodeUsed).await, 1);
}

#[tokio::test]
async fn trusted_browser_is_not_asked_again_until_a_credential_changes() {
    let (site, app, _) = Site::with_totp("ada").await;
    let step = site.after_password("ada").await;
    assert!(step.page.contains("for 30 days"), "{}", step.page);
    let code = app.code(&site);
    let fields = [("factor", "totp"), ("code", &code), ("trust", "yes")];
    let done = site.present(&step, &fields).await;
    let set = done.headers().get_all("set-cookie").iter();
    let set = set.map(|cookie| cookie.to_str().unwrap());
    let trusted = set.filter(|cookie| cookie.starts_with("__Host-trusted=hfb_"));
    let trusted: Vec<_> = trusted.collect();
    assert!(
        trusted[0].ends_with("; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=2592000"),
        "{trusted:?}"
    );
    let trusted = cookie_of(&done, "__Host-trusted").unwrap();
    let session = cookie_of(&done, "__Host-session").unwrap();
    site.clock.advance(Duration::from_secs(30));

    let (form, token) = site.login_form().await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("username", "ada"),
        ("password", PASSWORD),
    ];
    let cookies = format!("{form}; {trusted}");
    let signed_in = site.post_form("/login", &cookies, &fields).await;
    assert_eq!(header(&signed_in, "location"), "/dashboard");
    let by_trust = cookie_of(&signed_in, "__Host-session").unwrap();
    assert_eq!(site.session(&by_trust).await["acr"], "aal1");

    // Shown on the account page, and removable there.
    let page = site.get("/account/security", &session).await;
    let page = page.text().await.unwrap();
    let (_, rest) = page.split_once("/account/trusted-browsers/").unwrap();
    let id = rest.split('/').next().unwrap();
    let token = site.page_token("/account/security", &session).await;
    let path = format!("/account/trusted-browsers/{id}/end");
    let fields = [("csrf_token", token.as_str())];
    let ended = site.post_form(&path, &session, &fields).await;
    assert_eq!(header(&ended, "location"), "/account/security");
    site.after_password_with("ada", &trusted).await;
}

/// A site where every account must have a second factor, and `ada` has none.
async fn site_that_requires() -> Site {
    let options = AuthOptions {
        second_factor: SecondFactorPolicy::Required,
        passkeys: true,
        ..AuthOptions::default()
    };
    let site = Site::start_for(options, |_| ()).await;
    site.add_user("ada").await;
    site
}

#[tokio::test]
async fn missing_second_factor_is_set_up_before_the_login_starts() {
    let site = site_that_requires().await;
    let step = site.after_password("ada").await;
    assert!(
        step.page.contains("Set up a second factor"),
        "{}",
        step.page
    );
    assert!(step.page.contains("<svg class=\"qr\""), "{}", step.page);
    assert!(options_of(&step.page)["challenge"].is_string());
    let app = TotpApp::new(&secret_of(&step.page));

    let wrong = app.wrong_code(&site);
    let refused = site
        .present(&step, &[("factor", "enrol_totp"), ("code", &wrong)])
        .await;
    assert_eq!(refused.status(), 401);
    let again = refused.text().await.unwrap();
    assert_eq!(secret_of(&again), secret_of(&step.page), "the same secret");

    let code = app.code(&site);
    let done = site
        .present(&step, &[("factor", "enrol_totp"), ("code", &code)])
        .await;
    assert_eq!(
        header(&done, "location"),
        "/account/recovery-codes?next=%2Fdashboard"
    );
    let session = cookie_of(&done, "__Host-session").unwrap();
    assert_eq!(site.session(&session).await["acr"], "aal2");
    site.clock.advance(Duration::from_secs(30));
    site.sign_in_with("ada", &app).await;
}

#[tokio::test]
async fn page_with_passkey_has_the_only_script() {
    let site = site_that_requires().await;
    let step = site.after_password("ada").await;
    let page = site.get(&step.path, &step.cookies).await;
    let policy = header(&page, "content-security-policy").to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = page.text().await.unwrap();
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(page.contains(r#"<script src="/static/passkey.js" defer></script>"#));
    assert!(
        page.contains("<noscript>"),
        "it says what is missing without"
    );
}
