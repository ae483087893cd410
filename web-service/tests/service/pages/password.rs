//! `/account/password`, and what password managers read (ASVS 6.2.2, 6.2.7, 7.4.3).

use holdfast_identity::authentication::SecondFactorPolicy;

use crate::support::{
    AuthOptions, PASSWORD, Site, TotpApp, assert_problem, cookie_of, form_token, header, secret_of,
};

const NEW: &str = "a new and longer password";

#[tokio::test]
async fn new_password_continues_session_and_ends_all_else() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let elsewhere = site.sign_in("ada").await;
    let (access_token, _) = site.tokens("ada").await;
    let token = site.page_token("/account/password", &cookie).await;
    let fields = [
        ("csrf_token", token.as_str()),
        ("current_password", PASSWORD),
        ("new_password", NEW),
        ("new_password_again", NEW),
    ];

    let response = site.post_form("/account/password", &cookie, &fields).await;

    assert_eq!(
        (response.status().as_u16(), header(&response, "location")),
        (303, "/dashboard")
    );
    let continued = cookie_of(&response, "__Host-session").unwrap();
    assert_ne!(continued, cookie);
    assert_eq!(site.get("/dashboard", &continued).await.status(), 200);
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 303);
    assert_eq!(site.get("/dashboard", &elsewhere).await.status(), 303);
    assert_problem(site.profile(&access_token).await, 401, "LOGIN_ENDED").await;
    let former = site.api_login("ada", PASSWORD).await;
    assert_problem(former, 401, "INVALID_CREDENTIALS").await;
}

#[tokio::test]
async fn invalid_change_is_explained_and_changes_nothing() {
    let site = Site::with_user("ada").await;
    let cookie = site.sign_in("ada").await;
    let token = site.page_token("/account/password", &cookie).await;
    for (current, new, again, complaint) in [
        ("wrong", NEW, NEW, "The current password is wrong."),
        (
            PASSWORD,
            "short",
            "short",
            "A password needs at least 15 characters",
        ),
        (
            PASSWORD,
            PASSWORD,
            PASSWORD,
            "This is the current password; choose another one",
        ),
        (
            PASSWORD,
            NEW,
            "another password",
            "The two new passwords are not the same.",
        ),
    ] {
        let fields = [
            ("csrf_token", token.as_str()),
            ("current_password", current),
            ("new_password", new),
            ("new_password_again", again),
        ];
        let response = site.post_form("/account/password", &cookie, &fields).await;
        assert_eq!(response.status(), 422);
        assert!(
            response.text().await.unwrap().contains(complaint),
            "{complaint}"
        );
    }
    assert_eq!(site.get("/dashboard", &cookie).await.status(), 200);
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn change_requires_session_and_csrf_token() {
    let site = Site::with_user("ada").await;
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", NEW),
        ("new_password_again", NEW),
    ];
    let anonymous = site.post_form("/account/password", "", &fields).await;
    assert_eq!(
        (anonymous.status().as_u16(), header(&anonymous, "location")),
        (303, "/login?next=%2Faccount%2Fpassword&unsent")
    );
    let cookie = site.sign_in("ada").await;
    assert_eq!(
        site.post_form("/account/password", &cookie, &fields)
            .await
            .status(),
        403
    );
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 200);
}

/// `/.well-known/change-password`, and the username beside a password field.
#[tokio::test]
async fn password_manager_finds_page_and_username() {
    let site = Site::with_user("ada").await;
    let led = site.get("/.well-known/change-password", "").await;
    assert_eq!(
        (led.status().as_u16(), header(&led, "location")),
        (303, "/account/password")
    );
    let unknown = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(site.get(unknown, "").await.status(), 404);
    let cookie = site.sign_in("ada").await;
    let name = r#"<input type="text" name="username" value="ada" autocomplete="username" readonly hidden>"#;
    for path in ["/account/password", "/account/confirm"] {
        let page = site.get(path, &cookie).await.text().await.unwrap();
        assert!(page.contains(name), "{path}: {page}");
    }
}

#[tokio::test]
async fn password_of_eight_characters_is_accepted_where_a_second_factor_is_mandatory() {
    const SHORT: &str = "qr7-zt2m";
    let site = Site::start_for(
        AuthOptions {
            second_factor: SecondFactorPolicy::Required,
            ..AuthOptions::default()
        },
        |_| (),
    )
    .await;
    site.add_user("ada").await;
    let step = site.after_password("ada").await;
    let code = TotpApp::new(&secret_of(&step.page)).code(&site);
    let fields = [("factor", "enrol_totp"), ("code", code.as_str())];
    let done = site.present(&step, &fields).await;
    let session = cookie_of(&done, "__Host-session").unwrap();
    let page = site.get("/account/password", &session).await;
    let page = page.text().await.unwrap();
    assert!(!page.contains("minlength=\"15\""), "{page}");
    let fields = [
        ("csrf_token", &*form_token(&page)),
        ("current_password", PASSWORD),
        ("new_password", SHORT),
        ("new_password_again", SHORT),
    ];
    let changed = site.post_form("/account/password", &session, &fields).await;
    assert_eq!(header(&changed, "location"), "/dashboard");
}
