//! Sign-in, sign-out, logins and password change in a browser.

use e2e::{
    browser::Browser,
    pair::{Options, PASSWORD, Pair},
    wait::until,
};
use serde_json::Value;
use thirtyfour::By;

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_by_button_ends_session_of_copied_cookie() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;

    browser
        .driver
        .goto(pair.site.url("/dashboard"))
        .await
        .unwrap();
    assert_eq!(browser.path().await, "/login");
    assert!(browser.cookie("__Host-session").await.is_none());
    browser.picture("login").await;

    browser.fill("username", "ada").await;
    browser.fill("password", "wrong").await;
    browser.press("Sign in").await;
    assert!(
        browser
            .text()
            .await
            .contains("The username or the password is wrong")
    );
    let name = browser.driver.find(By::Name("username")).await.unwrap();
    assert_eq!(
        name.value().await.unwrap().as_deref(),
        Some("ada"),
        "the username is kept"
    );
    let password = browser.driver.find(By::Name("password")).await.unwrap();
    assert_eq!(
        password.value().await.unwrap().as_deref(),
        Some(""),
        "the password is not"
    );

    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    assert_eq!(browser.path().await, "/dashboard");
    assert!(browser.text().await.contains("Hello, ada"));
    browser.picture("dashboard").await;

    assert_cookie_attributes(&browser.cookies().await);
    assert_eq!(
        browser.script("return document.cookie").await,
        "",
        "scripts cannot read it"
    );
    let stolen = format!("__Host-session={}", session(&browser).await);
    assert_eq!(pair.site.get("/dashboard", &stolen).await.status(), 200);

    browser.press("Sign out").await;
    assert_eq!(browser.path().await, "/login");
    assert!(browser.cookie("__Host-session").await.is_none());
    assert_eq!(pair.site.get("/dashboard", &stolen).await.status(), 303);
    assert_eq!(pair.site.get("/api/session", &stolen).await.status(), 401);
    browser.quit().await;
}

fn assert_cookie_attributes(cookies: &[Value]) {
    let names: Vec<_> = cookies
        .iter()
        .map(|cookie| cookie["name"].as_str())
        .collect();
    assert_eq!(names, [Some("__Host-session"), Some("__Host-known")]);
    let cookie = &cookies[0];
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["secure"], true);
    assert_eq!(cookie["sameSite"], "Lax");
    assert_eq!(cookie["path"], "/");
    assert_eq!(cookie["domain"], "localhost");
    assert_eq!(cookie["session"], true, "it has no Max-Age");
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_page_end_button_ends_other_logins() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let stranger = pair.site.form_login("ada").await;
    pair.site.tokens("ada").await;
    let browser = Browser::start(&pair).await;
    let url = pair.site.url("/login?next=/account/logins");
    browser.driver.goto(url).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    assert_eq!(browser.path().await, "/account/logins");
    let text = browser.text().await;
    assert!(
        text.contains("Chrome on Linux") && text.contains("this browser"),
        "{text}"
    );
    browser.picture("logins").await;
    browser.emulate_phone("dark").await;
    browser.picture("logins-phone").await;

    browser.press("End").await;
    browser.press("End all others").await;

    assert_eq!(browser.path().await, "/account/logins");
    let text = browser.text().await;
    assert!(text.contains("You are signed in nowhere else"), "{text}");
    assert_eq!(pair.site.get("/dashboard", &stranger).await.status(), 303);
    browser.quit().await;
}

/// Submits the form with invalid passwords, each of which shows its reason.
async fn assert_invalid_passwords_are_rejected(browser: &Browser) {
    for (current, new, again, complaint) in [
        (
            "wrong",
            "a new and longer password",
            "a new and longer password",
            "The current password is wrong.",
        ),
        (
            PASSWORD,
            "a new and longer password",
            "a new and other password",
            "not the same",
        ),
        (
            PASSWORD,
            "this one has ada in it",
            "this one has ada in it",
            "must not contain the username",
        ),
    ] {
        browser.fill("current_password", current).await;
        browser.fill("new_password", new).await;
        browser.fill("new_password_again", again).await;
        browser.press("Change password").await;
        assert!(
            browser.text().await.contains(complaint),
            "{}",
            browser.text().await
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn password_change_ends_other_logins_and_keeps_this_browser() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let elsewhere = pair.site.form_login("ada").await;
    let browser = Browser::start(&pair).await;
    browser
        .driver
        .goto(pair.site.url("/login?next=/account/password"))
        .await
        .unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    assert_eq!(browser.path().await, "/account/password");
    let before = session(&browser).await;

    assert_invalid_passwords_are_rejected(&browser).await;
    browser.picture("password").await;
    browser.fill("current_password", PASSWORD).await;
    browser
        .fill("new_password", "a new and longer password")
        .await;
    browser
        .fill("new_password_again", "a new and longer password")
        .await;
    browser.press("Change password").await;

    assert_eq!(browser.path().await, "/dashboard");
    assert_ne!(session(&browser).await, before, "a new id");
    assert_eq!(pair.site.get("/dashboard", &elsewhere).await.status(), 303);
    assert_eq!(
        pair.site
            .get("/dashboard", &format!("__Host-session={before}"))
            .await
            .status(),
        303
    );
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 401);
    assert_eq!(
        pair.site
            .api_login("ada", "a new and longer password")
            .await
            .status(),
        200
    );
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_after_five_wrong_passwords_shows_wait() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    for _ in 0..5 {
        browser.fill("username", "ada").await;
        browser.fill("password", "guessed").await;
        browser.press("Sign in").await;
    }
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    let text = browser.text().await;
    assert!(text.contains("the next try is possible in"), "{text}");
    browser.picture("throttled").await;
    until("the wait to be over", async || {
        browser.fill("password", PASSWORD).await;
        browser.press("Sign in").await;
        (browser.path().await == "/dashboard").then_some(())
    })
    .await;
    browser.quit().await;
}

/// After the password is entered again, the browser continues to the operation.
#[tokio::test(flavor = "multi_thread")]
async fn reauthentication_before_ending_logins_continues_where_it_began() {
    let pair = Pair::start_with(Options {
        auth: vec![("AUTH_STEP_UP_MAX_AGE", "1s".to_owned())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let other = pair.site.form_login("ada").await;
    let browser = Browser::start(&pair).await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    let before = session(&browser).await;
    let cookie = format!("__Host-session={before}");
    until("the proof to be old", async || {
        let nobodys = pair
            .site
            .url("/api/logins/67e55044-10b1-426f-9247-bb680e5fe0c8");
        let request = pair.site.client().delete(nobodys).header("cookie", &cookie);
        let request = request.header("sec-fetch-site", "same-origin");
        let answer = request
            .header("content-type", "application/json")
            .send()
            .await;
        (answer.unwrap().status() == 401).then_some(())
    })
    .await;
    browser
        .driver
        .goto(pair.site.url("/account/logins"))
        .await
        .unwrap();
    browser.press("End all others").await;
    assert!(browser.text().await.contains("Confirm that it is you"));
    browser.picture("confirm").await;
    browser.fill("confirm_password", PASSWORD).await;
    browser.press("Go on").await;
    browser.arrives_at("/account/logins").await;
    assert!(
        browser
            .text()
            .await
            .contains("You are signed in nowhere else")
    );
    assert_ne!(session(&browser).await, before, "under a new id");
    assert_eq!(pair.site.get("/api/session", &other).await.status(), 401);
    browser.quit().await;
}

/// The next user of the browser must not see pages of the previous one.
#[tokio::test(flavor = "multi_thread")]
async fn back_button_after_sign_out_shows_sign_in_page() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser
        .driver
        .goto(pair.site.url("/account/logins"))
        .await
        .unwrap();
    browser.press("Sign out").await;
    assert_eq!(browser.path().await, "/login");
    for _ in 0..3 {
        browser.driver.back().await.unwrap();
        assert_eq!(browser.path().await, "/login");
        let text = browser.text().await;
        assert!(
            !text.contains("signed in") && !text.contains("ada"),
            "{text}"
        );
    }
    browser.quit().await;
}

/// The value of the session cookie.
async fn session(browser: &Browser) -> String {
    let cookies = browser.cookies().await;
    let found = cookies
        .iter()
        .find(|cookie| cookie["name"] == "__Host-session")
        .unwrap();
    found["value"].as_str().unwrap().to_owned()
}
