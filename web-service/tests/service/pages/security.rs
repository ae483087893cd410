//! `/account/security`, `/account/totp`, `/account/recovery-codes` and `/account/passkeys`: the factors of the account.

use std::time::Duration;

use holdfast_identity::authentication::SecondFactorPolicy;

use crate::support::{
    AuthOptions, FactorStep, PASSWORD, Passkey, Site, TotpApp, cookie_of, form_token, header,
    options_of, secret_of,
};

/// The addresses that forms with this beginning are sent to.
fn actions<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    let actions = page.split("action=\"").skip(1);
    let actions = actions.map(|rest| rest.split('"').next().unwrap());
    actions.filter(|action| action.starts_with(start)).collect()
}

async fn security(site: &Site, cookie: &str) -> String {
    let page = site.get("/account/security", cookie).await;
    assert_eq!(
        (page.status().as_u16(), header(&page, "cache-control")),
        (200, "no-store")
    );
    page.text().await.unwrap()
}

#[tokio::test]
async fn overview_shows_the_factors() {
    let (site, app, _) = Site::with_totp("ada").await;
    let session = site.sign_in_with("ada", &app).await;
    let page = security(&site, &session).await;
    assert!(
        page.contains("Set up on") && page.contains("Remove"),
        "{page}"
    );
    assert!(!page.contains("<script"), "{page}");
    site.register_passkey(&session).await;
    let page = security(&site, &session).await;
    assert!(page.contains("phone, not used yet"), "{page}");
}

#[tokio::test]
async fn set_up_shows_secret_and_needs_its_code() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let page = site
        .get("/account/totp", &session)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("Begin") && !page.contains("svg class"),
        "{page}"
    );

    let (cookies, app) = site.begin_totp(&session).await;
    let page = site.get("/account/totp", &cookies).await;
    assert_eq!(header(&page, "cache-control"), "no-store");
    let page = page.text().await.unwrap();
    assert!(
        page.contains("<svg class=\"qr\"") && page.contains("otpauth://totp/"),
        "{page}"
    );
    assert_eq!(
        site.api_login("ada", PASSWORD).await.status(),
        200,
        "nothing is changed"
    );

    let wrong = app.wrong_code(&site);
    for code in [wrong.as_str(), "", "x"] {
        let refused = site.confirm_totp(&cookies, code).await;
        assert_eq!(refused.status(), 422, "{code}");
        let again = refused.text().await.unwrap();
        assert_eq!(secret_of(&again), secret_of(&page), "the same secret");
    }
    let confirmed = site.confirm_totp(&cookies, &app.code(&site)).await;
    assert_eq!(header(&confirmed, "location"), "/account/recovery-codes");
    assert_eq!(
        cookie_of(&confirmed, "__Host-attempt").unwrap(),
        "__Host-attempt="
    );
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 401);
    let replayed = site.confirm_totp(&cookies, &app.code(&site)).await;
    assert_eq!(replayed.status(), 403, "this session is too weak now");
}

#[tokio::test]
async fn set_up_of_another_login_is_not_confirmed() {
    let site = Site::with_passkeys("ada").await;
    let (one, two) = (site.sign_in("ada").await, site.sign_in("ada").await);
    let (cookies, app) = site.begin_totp(&one).await;
    let attempt = cookies.rsplit_once("; ").unwrap().1.to_owned();
    let crossed = format!("{two}; {attempt}");
    let page = site
        .get("/account/totp", &crossed)
        .await
        .text()
        .await
        .unwrap();
    assert!(!page.contains("svg class"), "{page}");
    let token = form_token(&page);
    let code = app.code(&site);
    let fields = [("csrf_token", token.as_str()), ("code", code.as_str())];
    let refused = site
        .post_form("/account/totp/confirm", &crossed, &fields)
        .await;
    assert_eq!(header(&refused, "location"), "/account/totp");
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn removal_needs_the_strongest_factor_and_ends_other_logins() {
    let (site, app, _) = Site::with_totp("ada").await;
    let other = site.sign_in_with("ada", &app).await;
    let session = site.sign_in_with("ada", &app).await;
    site.clock.advance(Duration::from_mins(10));
    let page = security(&site, &session).await;
    let path = actions(&page, "/account/factors/")[0].to_owned();
    let token = form_token(&page);
    let send = async |cookies: &str, token: &str, fields: &[(&str, &str)]| {
        let token = [("csrf_token", token)];
        let fields: Vec<_> = token.iter().chain(fields).copied().collect();
        site.post_form(&path, cookies, &fields).await
    };

    let asked = send(&session, &token, &[]).await;
    assert_eq!(asked.status(), 403);
    let asked = asked.text().await.unwrap();
    assert!(asked.contains("Confirm that it is you"), "{asked}");
    let further = send(&session, &token, &[("confirm_password", PASSWORD)]).await;
    assert_eq!(further.status(), 403, "the password is not enough");
    let attempt = cookie_of(&further, "__Host-attempt").unwrap();
    assert!(further.text().await.unwrap().contains("totp-code"));

    let cookies = format!("{session}; {attempt}");
    let wrong = app.wrong_code(&site);
    let refused = send(&cookies, &token, &[("factor", "totp"), ("code", &wrong)]).await;
    assert_eq!(refused.status(), 422);
    assert!(site.is_signed_in(&other).await);
    let code = app.code(&site);
    let removed = send(&cookies, &token, &[("factor", "totp"), ("code", &code)]).await;
    assert_eq!(header(&removed, "location"), "/account/security");
    let renewed = cookie_of(&removed, "__Host-session").unwrap();
    assert!(!site.is_signed_in(&other).await);
    assert!(!site.is_signed_in(&session).await, "under a new id");
    assert!(security(&site, &renewed).await.contains("Not set up"));
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn stolen_session_without_recent_authentication_changes_no_factor() {
    let (site, app, _) = Site::with_totp("ada").await;
    let session = site.sign_in_with("ada", &app).await;
    site.clock.advance(Duration::from_mins(10));
    let token = site.page_token("/account/security", &session).await;
    for path in [
        "/account/totp",
        "/account/recovery-codes",
        "/account/passkeys/new",
    ] {
        let fields = [("csrf_token", token.as_str())];
        let asked = site.post_form(path, &session, &fields).await;
        assert_eq!(asked.status(), 403, "{path}");
        let page = asked.text().await.unwrap();
        assert!(page.contains("Confirm that it is you"), "{path}: {page}");
        assert!(
            page.contains(&format!("action=\"{path}\"")),
            "{path}: {page}"
        );
    }
}

#[tokio::test]
async fn password_change_asks_for_the_second_factor_first() {
    const NEW: &str = "quite another long password";
    // The session began before the second factor was set up.
    let (site, app, session) = Site::with_totp("ada").await;
    let asked = site.change_password(&session, PASSWORD, NEW).await;
    assert_eq!(asked.status(), 403);
    let attempt = cookie_of(&asked, "__Host-attempt").unwrap();
    let page = asked.text().await.unwrap();
    assert!(page.contains("so nothing was changed"), "{page}");
    assert!(!page.contains(NEW) && !page.contains(PASSWORD), "{page}");
    let confirm = actions(&page, "/account/confirm")[0];
    assert_eq!(confirm, "/account/confirm?next=%2Faccount%2Fpassword");
    let (token, code) = (form_token(&page), app.code(&site));
    let fields = [
        ("csrf_token", token.as_str()),
        ("factor", "totp"),
        ("code", code.as_str()),
    ];
    let cookies = format!("{session}; {attempt}");
    let confirmed = site.post_form(confirm, &cookies, &fields).await;
    assert_eq!(header(&confirmed, "location"), "/account/password");
    let renewed = cookie_of(&confirmed, "__Host-session").unwrap();
    let changed = site.change_password(&renewed, PASSWORD, NEW).await;
    assert_eq!(header(&changed, "location"), "/dashboard");
}

#[tokio::test]
async fn last_factor_of_account_that_must_have_one_stays() {
    let options = AuthOptions {
        second_factor: SecondFactorPolicy::Required,
        passkeys: true,
        ..AuthOptions::default()
    };
    let site = Site::start_for(options, |_| ()).await;
    site.add_user("ada").await;
    let step = site.after_password("ada").await;
    let app = TotpApp::new(&secret_of(&step.page));
    let code = app.code(&site);
    let done = site
        .present(&step, &[("factor", "enrol_totp"), ("code", &code)])
        .await;
    let session = cookie_of(&done, "__Host-session").unwrap();
    let page = security(&site, &session).await;
    let path = actions(&page, "/account/factors/")[0];
    let token = form_token(&page);
    let refused = site
        .post_form(path, &session, &[("csrf_token", &token)])
        .await;
    assert_eq!(refused.status(), 409);
    let page = refused.text().await.unwrap();
    assert!(page.contains("must have a second factor"), "{page}");
}

#[tokio::test]
async fn recovery_codes_are_shown_once_and_replace_those_before() {
    let (site, app, _) = Site::with_totp("ada").await;
    let session = site.sign_in_with("ada", &app).await;
    let codes = site.recovery_codes(&session).await;
    let page = site
        .get("/account/recovery-codes", &session)
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("10 are left"), "{page}");
    assert!(codes.iter().all(|code| !page.contains(code)), "{page}");
    let newer = site.recovery_codes(&session).await;
    let step = site.after_password("ada").await;
    let present = async |code: &str| {
        let fields = [("factor", "recovery_code"), ("code", code)];
        site.present(&step, &fields).await.status().as_u16()
    };
    assert_eq!(present(&codes[0]).await, 401);
    assert_eq!(
        present(&newer[0].to_uppercase().replace('-', " ")).await,
        303
    );
}

#[tokio::test]
async fn recovery_codes_need_a_second_factor() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let path = "/account/recovery-codes";
    let token = site.page_token(path, &session).await;
    let refused = site
        .post_form(path, &session, &[("csrf_token", &token)])
        .await;
    assert_eq!(refused.status(), 409);
}

#[tokio::test]
async fn passkeys_are_listed_renamed_and_removed() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    site.register_passkey(&session).await;
    let done = site.after_password("ada").await;
    assert!(done.page.contains("data-passkey"), "{}", done.page);
    let page = site.get("/account/passkeys", &session).await;
    assert!(!header(&page, "content-security-policy").contains("script-src"));
    let page = page.text().await.unwrap();
    let token = form_token(&page);
    let path = actions(&page, "/account/passkeys/")[0];
    assert!(path.ends_with("/rename"), "{path}");
    let fields = [("csrf_token", token.as_str()), ("label", "<b>tablet</b>")];
    let renamed = site.post_form(path, &session, &fields).await;
    assert_eq!(header(&renamed, "location"), "/account/passkeys");
    let page = site
        .get("/account/passkeys", &session)
        .await
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("&#60;b&#62;tablet") && !page.contains("<b>"),
        "{page}"
    );

    // The session signed in by the password alone, which is not the strongest any more.
    let path = actions(&page, "/account/factors/")[0];
    let asked = site
        .post_form(path, &session, &[("csrf_token", &token)])
        .await;
    assert_eq!(asked.status(), 403);
}

#[tokio::test]
async fn passkey_reauthenticates_before_a_change() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let path = "/account/passkeys/new";
    let token = site.page_token("/account/passkeys", &session).await;
    let asked = site
        .post_form(path, &session, &[("csrf_token", &token)])
        .await;
    assert_eq!(asked.status(), 403);
    assert!(header(&asked, "content-security-policy").contains("script-src 'self'"));
    let asked = FactorStep::in_session(&session, path, asked).await;
    let begun = site.present_passkey(&asked, &passkey).await;
    assert_eq!(begun.status(), 200);
    let renewed = cookie_of(&begun, "__Host-session").unwrap();
    let page = begun.text().await.unwrap();
    let (_, _) = Passkey::create(&options_of(&page));
    let shown = site.session(&renewed).await;
    assert_eq!(
        (&shown["acr"], &shown["amr"][0]),
        (&"phr".into(), &"swk".into())
    );
}

#[tokio::test]
async fn refused_registration_adds_nothing() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let token = site.page_token("/account/passkeys", &session).await;
    let begun = site
        .post_form("/account/passkeys/new", &session, &[("csrf_token", &token)])
        .await;
    let page = begun.text().await.unwrap();
    let (_, rest) = page.split_once("name=\"registration\" value=\"").unwrap();
    let registration = rest.split('"').next().unwrap();
    for (registration, passkey) in [(registration, "{}"), (registration, ""), ("hfa_x", "{}")] {
        let fields = [
            ("csrf_token", token.as_str()),
            ("registration", registration),
            ("passkey", passkey),
        ];
        let refused = site.post_form("/account/passkeys", &session, &fields).await;
        assert_eq!(refused.status(), 409, "{passkey}");
    }
    let page = site
        .get("/account/passkeys", &session)
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("There are none"), "{page}");
}

#[tokio::test]
async fn passkeys_are_offered_where_they_are_used() {
    let without = Site::start_for(AuthOptions::default(), |_| ()).await;
    without.add_user("ada").await;
    for (site, is_offered) in [(without, false), (Site::with_passkeys("ada").await, true)] {
        let session = site.sign_in("ada").await;
        let page = site.get("/account/security", &session).await;
        let page = page.text().await.unwrap();
        assert_eq!(
            page.to_lowercase().contains("passkey"),
            is_offered,
            "{page}"
        );
    }
}
