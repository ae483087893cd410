//! One-time codes and recovery codes in a browser, with `pyotp` as the app.

use e2e::{
    authenticator::{pyotp_code, set_up_totp},
    browser::Browser,
    pair::{Options, PASSWORD, Pair},
    wait::until,
};
use serde_json::{Value, json};
use thirtyfour::{By, Key};

/// The URI of the secret that a page shows.
pub(crate) async fn totp_uri(browser: &Browser) -> String {
    let link = browser.driver.find(By::Css("a[href^='otpauth:']")).await;
    link.unwrap().attr("href").await.unwrap().unwrap()
}

/// Sets up an app on the account page; returns its URI. The code that is used is the current one, so that the next one remains, which is accepted,
/// too.
async fn set_up(pair: &Pair, browser: &Browser) -> String {
    let page = pair.site.url("/account/totp");
    browser.driver.goto(page).await.unwrap();
    browser.press("Begin").await;
    let uri = totp_uri(browser).await;
    browser.picture("totp").await;
    browser.fill("code", &pyotp_code(&uri, 0).await).await;
    browser.press("Confirm the app").await;
    assert_eq!(browser.path().await, "/account/recovery-codes");
    uri
}

/// Panics unless the page as it is printed has the codes, and neither buttons nor links.
async fn assert_prints_codes_only(browser: &Browser) {
    let cdp = browser.driver.cdp();
    let emulate = async |media: &str| {
        let media = json!({"media": media});
        let emulated = cdp.send_raw("Emulation.setEmulatedMedia", media);
        emulated.await.unwrap();
    };
    emulate("print").await;
    let shown = "return ['.codes code', 'a', 'button'].map(kind =>
        [...document.querySelectorAll(kind)].filter(one => one.checkVisibility()).length)";
    let shown = browser.script(shown).await;
    browser.picture("recovery-codes-printed").await;
    emulate("").await;
    assert_eq!(shown, json!([10, 0, 0]));
}

#[tokio::test]
async fn introspection_shows_the_strength_of_a_sign_in() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let site = &pair.site;
    let add = ["client", "add", "orders", "--audience", &site.origin];
    let secret = pair.command(&add, "").await;
    let secret = secret.trim().strip_prefix("orders ").unwrap();
    let introspect = async |tokens: &Value| {
        let token = tokens["access_token"].as_str().unwrap();
        let request = site.client().post(site.url("/oauth2/introspect"));
        let request = request.basic_auth("orders", Some(secret));
        let answer = request.form(&[("token", token)]).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        json!([answer["acr"], answer["amr"]])
    };
    let tokens = site.tokens("ada").await;
    assert_eq!(introspect(&tokens).await, json!(["aal1", ["pwd"]]));

    let cookie = site.form_login("ada").await;
    let uri = set_up_totp(site, &cookie).await;
    let asked = site.api_login("ada", PASSWORD).await;
    let asked: Value = asked.json().await.unwrap();
    let body = json!({
        "attempt": asked["attempt"],
        "step": {"type": "totp", "code": pyotp_code(&uri, 1).await},
    });
    let path = site.url("/api/login/continue");
    let tokens = site.client().post(path).json(&body).send().await.unwrap();
    let tokens = tokens.json().await.unwrap();
    let expected = json!(["aal2", ["pwd", "otp", "mfa"]]);
    assert_eq!(introspect(&tokens).await, expected);
}

/// Signs out, and in again with a code by which the browser is trusted from then on.
async fn trust(pair: &Pair, browser: &Browser, uri: &str) {
    browser.press("Sign out").await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let trust = browser.driver.find(By::Name("trust")).await.unwrap();
    trust.click().await.unwrap();
    browser.fill("code", &pyotp_code(uri, 1).await).await;
    browser.press("Go on with the code").await;
    assert_eq!(browser.path().await, "/dashboard");
}

#[tokio::test(flavor = "multi_thread")]
async fn app_and_recovery_codes_are_set_up_and_used() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let uri = set_up(&pair, &browser).await;
    // The password alone is not the strongest factor any more.
    browser.press("Make new codes").await;
    browser.fill("confirm_password", PASSWORD).await;
    browser.press("Go on").await;
    browser.picture("confirm-factor").await;
    browser.fill("code", &pyotp_code(&uri, 1).await).await;
    browser.press("Go on with the code").await;
    let list = By::Css(".codes code");
    let codes = browser.driver.find_all(list).await.unwrap();
    assert_eq!(codes.len(), 10);
    assert_prints_codes_only(&browser).await;
    let code = codes[0].text().await.unwrap();
    browser.picture("recovery-codes").await;

    browser.press("Sign out").await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/login/factor");
    browser.picture("login-factor").await;
    // By keyboard alone: the field has the focus.
    let field = browser.driver.active_element().await.unwrap();
    let typed = format!("000000{}", char::from(Key::Enter));
    field.send_keys(typed).await.unwrap();
    until("the reason", async || {
        let text = browser.text().await;
        text.contains("The code is wrong").then_some(())
    })
    .await;
    let summary = browser.driver.find(By::Tag("summary")).await.unwrap();
    summary.click().await.unwrap();
    let field = browser.driver.find(By::Id("recovery-code")).await.unwrap();
    field.send_keys(code).await.unwrap();
    browser.press("Go on with the recovery code").await;
    assert_eq!(browser.path().await, "/account/security");
    let text = browser.text().await;
    assert!(text.contains("9 of them are left"), "{text}");
    browser.picture("security").await;
    browser.emulate_phone("dark").await;
    browser.picture("security-phone-dark").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mandatory_factor_is_set_up_at_sign_in() {
    let pair = Pair::start_with(Options {
        auth: vec![("AUTH_SECOND_FACTOR", "required".to_owned())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let sign_in = pair.site.url("/login?next=/account/logins");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/login/factor");
    browser.picture("login-enrol").await;
    let uri = totp_uri(&browser).await;
    browser.fill("code", &pyotp_code(&uri, 0).await).await;
    browser.press("Confirm the app").await;
    assert_eq!(browser.path().await, "/account/recovery-codes");
    let later = browser.driver.find(By::LinkText("Later")).await.unwrap();
    later.click().await.unwrap();
    browser.arrives_at("/account/logins").await;
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_browser_is_not_asked_again() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start(&pair).await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let uri = set_up(&pair, &browser).await;
    trust(&pair, &browser, &uri).await;
    let cookie = browser.cookie("__Host-trusted").await.unwrap();
    assert_eq!(
        (&cookie["httpOnly"], &cookie["secure"]),
        (&true.into(), &true.into())
    );
    browser.press("Sign out").await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/dashboard");

    let page = pair.site.url("/account/security");
    browser.driver.goto(page).await.unwrap();
    browser.press("Ask again").await;
    browser.press("Sign out").await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/login/factor");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_is_bound_to_the_device_and_renewed_at_the_sign_in() {
    const TRUSTED: &str = "__Host-trusted";
    const PROOF: &str = "__Host-trusted-proof";
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let browser = Browser::start_with_device(&pair, false).await;
    let sign_in = pair.site.url("/login");
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    let uri = set_up(&pair, &browser).await;
    trust(&pair, &browser, &uri).await;
    until("the key of the trust", async || browser.cookie(PROOF).await).await;
    let token = browser.cookie(TRUSTED).await.unwrap();
    assert!(token["value"].as_str().unwrap().contains('.'), "{token}");
    let logins = pair.site.url("/account/logins");
    browser.driver.goto(&logins).await.unwrap();
    assert!(browser.text().await.contains("bound to its device"));

    // The proof is renewed before a sign-in, and for no other page.
    let root = pair.site.url("/");
    browser.delete_cookie(PROOF, &root).await;
    browser.driver.goto(&logins).await.unwrap();
    assert!(browser.cookie(PROOF).await.is_none(), "it was not needed");
    browser.press("Sign out").await;
    browser.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(browser.path().await, "/dashboard");
    assert!(browser.cookie(PROOF).await.is_some());

    // The token without the key, as in a copy of the browser's cookies.
    let elsewhere = Browser::start_with_device(&pair, false).await;
    elsewhere.driver.goto(&sign_in).await.unwrap();
    let value = token["value"].as_str().unwrap();
    let mut cookie = thirtyfour::Cookie::new(TRUSTED, value);
    cookie.set_secure(true);
    cookie.set_path("/");
    elsewhere.driver.add_cookie(cookie).await.unwrap();
    elsewhere.sign_in(&sign_in, "ada", PASSWORD).await;
    assert_eq!(elsewhere.path().await, "/login/factor");
    elsewhere.quit().await;
    browser.quit().await;
}
