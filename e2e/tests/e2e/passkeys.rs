//! Passkeys in Chromium with virtual authenticators.

use e2e::{
    authenticator::{Abilities, OLD_KEY, PHONE, Transport, VirtualAuthenticator},
    browser::Browser,
    pair::{PASSWORD, Pair},
    wait::until,
};
use serde_json::json;
use thirtyfour::By;

async fn signed_in() -> (Pair, Browser) {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    browser
        .sign_in(&pair.site.url("/login"), "ada", PASSWORD)
        .await;
    (pair, browser)
}

/// Registers a passkey on the account page.
pub(crate) async fn register(pair: &Pair, browser: &Browser, name: &str) {
    let page = pair.site.url("/account/passkeys");
    browser.driver.goto(page).await.unwrap();
    browser.press("Add a passkey").await;
    browser.fill("label", name).await;
    browser.picture("passkey-new").await;
    browser.press("Create the passkey").await;
    browser.arrives_at("/account/passkeys").await;
    let text = browser.text().await;
    assert!(text.contains(name), "{text}");
}

/// Waits until the sign-in page offers passkeys, and has the challenge for autofill.
pub(crate) async fn autofill_waits(browser: &Browser) {
    until("the challenge", async || {
        let has_challenge = "return !document.querySelector('form[data-passkey]').hidden &&
            performance.getEntriesByType('resource').some(one => one.name.endsWith('/login/passkey') && one.responseEnd > 0)";
        (browser.script(has_challenge).await == true).then_some(())
    })
    .await;
}

/// Presses a button whose form a script handles, so that no other page may follow.
pub(crate) async fn press_in_script(browser: &Browser, name: &str) {
    let button = format!("//button[normalize-space()='{name}']");
    let button = browser.driver.find(By::XPath(button)).await.unwrap();
    button.click().await.unwrap();
}

/// Whether the session is as strong as a passkey makes it.
pub(crate) async fn is_phishing_resistant(pair: &Pair, browser: &Browser) -> bool {
    let session = browser.cookie("__Host-session").await.unwrap();
    let cookie = format!("__Host-session={}", session["value"].as_str().unwrap());
    let shown = pair.site.get("/api/session", &cookie).await;
    let shown: serde_json::Value = shown.json().await.unwrap();
    shown["acr"] == "phr"
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_is_registered_and_signs_in_by_button() {
    let (pair, browser) = signed_in().await;
    let phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&pair, &browser, "my phone").await;
    let credentials = phone.credentials(&browser).await;
    assert_eq!(credentials.len(), 1);
    assert_eq!(credentials[0]["isResidentCredential"], true);
    assert_eq!(credentials[0]["rpId"], "localhost");
    browser.picture("passkeys").await;

    // Without a touch, autofill does not go on.
    phone.set_presence(&browser, false).await;
    browser.press("Sign out").await;
    autofill_waits(&browser).await;
    browser.picture("login-passkey").await;
    // It is about the ceremonies that begin from now on.
    phone.set_presence(&browser, true).await;
    press_in_script(&browser, "Sign in with a passkey").await;
    browser.arrives_at("/dashboard").await;
    assert!(is_phishing_resistant(&pair, &browser).await);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_signs_in_by_autofill() {
    let (pair, browser) = signed_in().await;
    let _phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&pair, &browser, "my phone").await;
    browser.press("Sign out").await;
    // The virtual authenticator selects the suggestion by itself.
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    browser.arrives_at("/dashboard").await;
    assert!(is_phishing_resistant(&pair, &browser).await);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn security_key_is_a_second_factor_only() {
    let (pair, browser) = signed_in().await;
    let key = VirtualAuthenticator::add(&browser, OLD_KEY).await;
    register(&pair, &browser, "my key").await;
    browser.press("Sign out").await;
    browser
        .sign_in(&pair.site.url("/login"), "ada", PASSWORD)
        .await;
    assert_eq!(browser.path().await, "/login/factor");
    press_in_script(&browser, "Use a passkey").await;
    browser.arrives_at("/dashboard").await;
    assert!(is_phishing_resistant(&pair, &browser).await);
    let count = &key.credentials(&browser).await[0]["signCount"];
    assert!(count.as_u64().unwrap() >= 1, "{count}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_confirms_before_a_change_and_is_removed() {
    let (pair, browser) = signed_in().await;
    let _phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&pair, &browser, "my phone").await;
    // The session signed in by the password, which is not the strongest factor any more.
    browser.press("Remove").await;
    assert!(browser.text().await.contains("Confirm that it is you"));
    browser.picture("confirm-passkey").await;
    press_in_script(&browser, "Use a passkey").await;
    browser.arrives_at("/account/security").await;
    let text = browser.text().await;
    assert!(text.contains("With a passkey you sign in"), "{text}");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registered_authenticator_is_not_registered_again() {
    let (pair, browser) = signed_in().await;
    let _phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&pair, &browser, "my phone").await;
    let page = pair.site.url("/account/passkeys");
    browser.driver.goto(page).await.unwrap();
    browser.press("Add a passkey").await;
    press_in_script(&browser, "Use a passkey").await;
    until("the new passkey's page", async || {
        let text = browser.text().await;
        text.contains("Create the passkey").then_some(())
    })
    .await;
    press_in_script(&browser, "Create the passkey").await;
    until("the reason", async || {
        let text = browser.text().await;
        text.contains("has a passkey for this account already")
            .then_some(())
    })
    .await;

    // A second authenticator is accepted.
    let key = Abilities {
        transport: Transport::Usb,
        is_synced: false,
        ..PHONE
    };
    let key = VirtualAuthenticator::add(&browser, key).await;
    press_in_script(&browser, "Create the passkey").await;
    browser.arrives_at("/account/passkeys").await;
    assert_eq!(key.credentials(&browser).await.len(), 1);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_without_user_verification_does_not_sign_in_alone() {
    let (pair, browser) = signed_in().await;
    let phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&pair, &browser, "my phone").await;
    phone.set_user_verified(&browser, false).await;
    browser.press("Sign out").await;
    let button = By::XPath("//button[normalize-space()='Sign in with a passkey']");
    until("the button", async || {
        let button = browser.driver.find(button.clone()).await.unwrap();
        button.click().await.ok()
    })
    .await;
    until("the reason", async || {
        let text = browser.text().await;
        text.contains("No passkey was used").then_some(())
    })
    .await;
    assert_eq!(browser.path().await, "/login");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn account_without_password_is_recovered_with_a_new_passkey() {
    let (pair, browser) = signed_in().await;
    let phone = VirtualAuthenticator::add(&browser, PHONE).await;
    register(&pair, &browser, "my phone").await;
    browser.press("Sign out").await;
    browser.arrives_at("/dashboard").await;
    let codes = pair.site.url("/account/recovery-codes");
    browser.driver.goto(codes).await.unwrap();
    browser.press("Make new codes").await;
    let code = browser.driver.find(By::Css("ul.codes code")).await.unwrap();
    let code = code.text().await.unwrap();
    let security = pair.site.url("/account/security");
    browser.driver.goto(security).await.unwrap();
    browser.picture("security-passkeys").await;
    browser.press("Remove password").await;
    let text = browser.text().await;
    assert!(text.contains("The account has no password"), "{text}");
    browser.picture("security-without-password").await;

    phone.remove(&browser).await;
    browser.press("Sign out").await;
    let summary = browser.driver.find(By::Tag("summary")).await.unwrap();
    summary.click().await.unwrap();
    let username = browser.driver.find(By::Id("recovery-username")).await;
    username.unwrap().send_keys("ada").await.unwrap();
    browser.fill("recovery_code", &code).await;
    browser.picture("login-recovery").await;
    browser.press("Go on with the recovery code").await;
    assert_eq!(browser.path().await, "/login/factor");
    let new_phone = VirtualAuthenticator::add(&browser, PHONE).await;
    browser.picture("login-new-passkey").await;
    browser.press("Create a passkey").await;
    browser.arrives_at("/account/security").await;
    let text = browser.text().await;
    assert!(text.contains("9 of them are left"), "{text}");
    assert!(is_phishing_resistant(&pair, &browser).await);
    assert_eq!(new_phone.credentials(&browser).await.len(), 1);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_is_missing_without_scripts() {
    let (pair, browser) = signed_in().await;
    browser.press("Sign out").await;
    let cdp = browser.driver.cdp();
    let off = json!({"value": true});
    cdp.send_raw("Emulation.setScriptExecutionDisabled", off)
        .await
        .unwrap();
    browser.driver.goto(pair.site.url("/login")).await.unwrap();
    let text = browser.text().await;
    assert!(text.contains("Passkeys need scripts"), "{text}");
    assert!(!text.contains("Sign in with a passkey"), "{text}");
    browser.quit().await;
}
