//! Layout, accessibility and resources of the pages.

use e2e::{
    authenticator::{PHONE, VirtualAuthenticator, pyotp_code},
    browser::Browser,
    pair::{PASSWORD, Pair},
    wait::until,
};
use thirtyfour::Key;

use crate::second_factor::totp_uri;

#[tokio::test(flavor = "multi_thread")]
async fn pages_load_only_own_resources_without_policy_violations() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    for path in ["/", "/login", "/no-such-page"] {
        browser.driver.goto(pair.site.url(path)).await.unwrap();
        let loaded = "return performance.getEntriesByType('resource').map(entry => entry.name)";
        let loaded: Vec<String> = browser
            .driver
            .execute(loaded, vec![])
            .await
            .unwrap()
            .convert()
            .unwrap();
        assert!(
            loaded.iter().any(|url| url.ends_with("/static/style.css")),
            "{loaded:?}"
        );
        assert!(
            loaded
                .iter()
                .all(|url| url.starts_with(&pair.site.url("/"))),
            "{loaded:?}"
        );
    }
    let log = browser.driver.browser_log().await.unwrap();
    let violations: Vec<_> = log
        .iter()
        .filter(|entry| entry.message.contains("Content Security Policy"))
        .collect();
    assert!(violations.is_empty(), "{violations:?}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_fit_phone_screen_in_both_colour_schemes() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    browser.emulate_phone("dark").await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    let dark = background(&browser).await;
    assert_fits(&browser).await;
    browser.picture("login-phone-dark").await;
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.picture("dashboard-phone-dark").await;
    for path in ["/", "/dashboard", "/account/password", "/no-such-page"] {
        browser.driver.goto(pair.site.url(path)).await.unwrap();
        assert_fits(&browser).await;
    }
    browser.emulate_phone("light").await;
    assert_ne!(background(&browser).await, dark);
    browser.quit().await;
}

/// With the keyboard alone: the fields and the button are in tab order, each with a label, and Enter signs in.
#[tokio::test(flavor = "multi_thread")]
async fn sign_in_by_keyboard_works_and_every_field_is_labelled() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    assert_labelled(&browser).await;
    let typed = format!(
        "ada{}{PASSWORD}{}",
        char::from(Key::Tab),
        char::from(Key::Enter)
    );
    let focused = browser.driver.active_element().await.unwrap();
    focused.send_keys(typed).await.unwrap();
    until("the dashboard", async || {
        (browser.path().await == "/dashboard").then_some(())
    })
    .await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_factors_fit_phone_screen_and_label_every_field() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let _phone = VirtualAuthenticator::add(&browser, PHONE).await;
    let page = pair.site.url("/account/totp");
    browser.driver.goto(page).await.unwrap();
    browser.press("Begin").await;
    for scheme in ["dark", "light"] {
        browser.emulate_phone(scheme).await;
        browser.picture(&format!("totp-phone-{scheme}")).await;
        assert_fits(&browser).await;
        assert_labelled(&browser).await;
    }
    let uri = totp_uri(&browser).await;
    browser.fill("code", &pyotp_code(&uri, 0).await).await;
    browser.press("Confirm the app").await;
    for path in [
        "/account/security",
        "/account/passkeys",
        "/account/recovery-codes",
    ] {
        browser.driver.goto(pair.site.url(path)).await.unwrap();
        assert_fits(&browser).await;
        assert_labelled(&browser).await;
    }
    browser.press("Make new codes").await;
    assert_fits(&browser).await;
    assert_labelled(&browser).await;
    browser.press("Sign out").await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/login/factor");
    browser.picture("login-factor-phone-light").await;
    assert_fits(&browser).await;
    assert_labelled(&browser).await;
    browser.quit().await;
}

/// Panics where a field, a button or a picture has no name, or the page has not one heading of the first level.
async fn assert_labelled(browser: &Browser) {
    let unnamed = "return [
        ...[...document.querySelectorAll('input:not([type=hidden], [hidden])')].filter(field => !field.labels.length),
        ...[...document.querySelectorAll('button')].filter(button => !button.textContent.trim() && !button.ariaLabel),
        ...[...document.querySelectorAll('img')].filter(image => !image.hasAttribute('alt')),
        ...[...document.querySelectorAll('svg')].filter(image => image.getAttribute('role') !== 'img' && image.ariaHidden !== 'true'),
    ].map(one => one.outerHTML)";
    let unnamed = browser.script(unnamed).await;
    assert_eq!(unnamed, serde_json::json!([]));
    let headings = "return document.querySelectorAll('h1').length";
    assert_eq!(browser.script(headings).await, 1);
}

async fn assert_fits(browser: &Browser) {
    let overflow = "return document.documentElement.scrollWidth - window.innerWidth";
    let overflow = browser.script(overflow).await;
    assert!(
        overflow.as_i64().unwrap() <= 0,
        "{} is {overflow} too wide",
        browser.path().await
    );
}

async fn background(browser: &Browser) -> String {
    browser
        .script("return getComputedStyle(document.body).backgroundColor")
        .await
        .to_string()
}
