//! Forms in older tabs, and buttons that are pressed twice, in a browser.

use e2e::{
    browser::Browser,
    pair::{PASSWORD, Pair},
    wait::until,
};
use serde_json::json;
use thirtyfour::{By, WindowHandle};

async fn signed_in() -> (Pair, Browser) {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/dashboard");
    (pair, browser)
}

/// Opens another tab, switches to it, and returns the previous one.
async fn another_tab(browser: &Browser, url: &str) -> WindowHandle {
    let before = browser.driver.window().await.unwrap();
    let tab = browser.driver.new_tab().await.unwrap();
    browser.driver.switch_to_window(tab).await.unwrap();
    browser.driver.goto(url).await.unwrap();
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn double_click_on_sign_in_starts_one_login() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    let button = By::XPath("//button[normalize-space()='Sign in']");
    let button = browser.driver.find(button).await.unwrap();
    let twice = browser.driver.action_chain().double_click_element(&button);
    twice.perform().await.unwrap();
    until("the dashboard", async || {
        (browser.path().await == "/dashboard").then_some(())
    })
    .await;
    let logins = pair.site.url("/account/logins");
    browser.driver.goto(logins).await.unwrap();
    let text = browser.text().await;
    assert!(text.contains("You are signed in nowhere else"), "{text}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_in_older_tab_ends_current_login() {
    let (pair, browser) = signed_in().await;
    let older = another_tab(&browser, &pair.site.url("/dashboard")).await;
    browser.press("Sign out").await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let session = browser.cookie("__Host-session").await.unwrap();
    let session = format!("__Host-session={}", session["value"].as_str().unwrap());

    browser.driver.switch_to_window(older).await.unwrap();
    browser.press("Sign out").await;

    assert_eq!(browser.path().await, "/login");
    assert_eq!(pair.site.get("/api/session", &session).await.status(), 401);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_sign_in_tab_continues_to_its_target() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let wanted = pair.site.url("/account/password");
    browser.driver.goto(&wanted).await.unwrap();
    let sign_in = pair.site.url("/login");
    let older = another_tab(&browser, &sign_in).await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    browser.driver.switch_to_window(older).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    assert_eq!(browser.path().await, "/account/password");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_sign_in_tab_without_cookies_shows_reason_and_continues() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let wanted = pair.site.url("/account/password");
    browser.driver.goto(&wanted).await.unwrap();
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    let cdp = browser.driver.cdp();
    let cleared = cdp.send_raw("Network.clearBrowserCookies", json!({}));
    cleared.await.unwrap();
    browser.press("Sign in").await;
    let text = browser.text().await;
    assert!(text.contains("This page was out of date"), "{text}");
    browser.picture("login-out-of-date").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    assert_eq!(browser.path().await, "/account/password");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn form_after_session_end_shows_that_nothing_changed() {
    let (pair, browser) = signed_in().await;
    let older = another_tab(&browser, &pair.site.url("/dashboard")).await;
    browser.driver.switch_to_window(older).await.unwrap();
    let page = pair.site.url("/account/password");
    browser.driver.goto(&page).await.unwrap();
    let forms = browser.driver.window().await.unwrap();
    let dashboard = pair.site.url("/dashboard");
    another_tab(&browser, &dashboard).await;
    browser.press("Sign out").await;

    browser.driver.switch_to_window(forms).await.unwrap();
    browser.fill("current_password", PASSWORD).await;
    let new = "a new and longer password";
    browser.fill("new_password", new).await;
    browser.fill("new_password_again", new).await;
    browser.press("Change password").await;
    let text = browser.text().await;
    assert!(text.contains("so nothing was changed"), "{text}");
    browser.picture("login-unsent").await;
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    assert_eq!(browser.path().await, "/account/password");
    browser.quit().await;
}
