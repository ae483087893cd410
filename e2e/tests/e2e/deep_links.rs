//! After sign-in the browser is at the requested address, with the fragment, which the server never receives, and without a script.

use e2e::{
    browser::Browser,
    pair::{PASSWORD, Pair},
};

/// Signs in with a wrong password first, then with the correct one.
async fn sign_in(browser: &Browser) {
    browser.fill("username", "ada").await;
    browser.fill("password", "wrong").await;
    browser.press("Sign in").await;
    assert!(browser.text().await.contains("Please try again"));
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn url_fragment_survives_sign_in() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let wanted = pair.site.url("/account/password?a=b#/place/7");
    browser.driver.goto(&wanted).await.unwrap();
    assert_eq!(browser.path().await, "/login");
    sign_in(&browser).await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.as_str(), wanted);

    // The fragment survives reauthentication, too.
    let confirm = "/account/confirm?next=%2Faccount%2Flogins#/place/8";
    browser.driver.goto(pair.site.url(confirm)).await.unwrap();
    browser.fill("confirm_password", "wrong").await;
    browser.press("Go on").await;
    browser.fill("confirm_password", PASSWORD).await;
    browser.press("Go on").await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.as_str(), pair.site.url("/account/logins#/place/8"));
    assert_policy_was_kept(&browser).await;
    browser.quit().await;
}

async fn assert_policy_was_kept(browser: &Browser) {
    let log = browser.driver.browser_log().await.unwrap();
    let is_violation = |message: &str| message.contains("Content Security Policy");
    assert!(!log.iter().any(|entry| is_violation(&entry.message)));
}

#[tokio::test(flavor = "multi_thread")]
async fn url_fragment_survives_sign_in_for_other_origin() {
    let mut pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    // The same service under another host name, and so another origin.
    let application = format!("https://{}", pair.web_address);
    let origins = ("WEB_RETURN_ORIGINS", application.clone());
    pair.options.web.push(origins);
    pair.restart_web().await;
    let browser = Browser::start(&pair).await;
    let encoded =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let onward = format!("/continue?to={}", encoded(&format!("{application}/?a=b")));
    let start = format!("/login?next={}#/place/9", encoded(&onward));
    browser.driver.goto(pair.site.url(&start)).await.unwrap();
    sign_in(&browser).await;
    assert_eq!(browser.path().await, "/continue");
    browser.press("Continue to 127.0.0.1").await;
    let url = browser.driver.current_url().await.unwrap();
    assert_eq!(url.as_str(), format!("{application}/?a=b#/place/9"));
    assert_policy_was_kept(&browser).await;
    browser.quit().await;
}
