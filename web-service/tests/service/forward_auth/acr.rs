//! `acr`: how strong the authentication must be, and the headers that show it.

use reqwest::Response;

use super::{APP, verify};
use crate::support::{
    AuthOptions, FactorStep, PASSWORD, Passkey, Site, TotpApp, cookie_of, header,
};
use web_service::request::{
    redirect_origins::AllowedRedirectOrigins, trusted_proxies::TrustedProxies,
};

/// A site behind a trusted proxy of [`APP`], with the account `ada`.
async fn site() -> Site {
    let options = AuthOptions {
        passkeys: true,
        ..AuthOptions::default()
    };
    let site = Site::start_for(options, |config| {
        config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
        config.return_origins = AllowedRedirectOrigins::new(vec![APP.to_owned()]);
    })
    .await;
    site.add_user("ada").await;
    site
}

fn strength(response: &Response) -> (&str, &str) {
    (
        header(response, "x-auth-acr"),
        header(response, "x-auth-amr"),
    )
}

#[tokio::test]
async fn headers_show_strength_of_cookie_and_token() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let (token, _) = site.tokens("ada").await;
    let bearer = format!("Bearer {token}");
    let plain = verify(&site, "", &[("cookie", &cookie)]).await;
    assert_eq!(strength(&plain), ("aal1", "pwd"));
    let plain = verify(&site, "?acr=aal1", &[("authorization", &bearer)]).await;
    assert_eq!(
        (plain.status().as_u16(), strength(&plain)),
        (200, ("aal1", "pwd"))
    );

    let app: TotpApp = site.set_up_totp(&cookie).await;
    let cookie = site.sign_in_with("ada", &app).await;
    let strong = verify(&site, "?acr=aal2", &[("cookie", &cookie)]).await;
    assert_eq!(strong.status(), 200);
    assert_eq!(strength(&strong), ("aal2", "pwd otp mfa"));
    let denied = verify(&site, "?acr=aal2", &[("authorization", &bearer)]).await;
    assert_eq!(denied.status(), 401);
    assert_eq!(strength(&denied), ("", ""));
    let challenge = header(&denied, "www-authenticate");
    assert!(
        challenge.contains("insufficient_user_authentication")
            && challenge.contains(r#"acr_values="aal2""#),
        "{challenge}"
    );
    let unknown = verify(&site, "?acr=high", &[("cookie", &cookie)]).await;
    assert_eq!(unknown.status(), 403, "an unknown requirement is not met");
}

#[tokio::test]
async fn weaker_sign_in_leads_to_reauthentication_by_passkey() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let passkey: Passkey = site.register_passkey(&cookie).await;
    let navigation = [("cookie", cookie.as_str()), ("sec-fetch-mode", "navigate")];
    let sent = verify(&site, "?acr=phr", &navigation).await;
    assert_eq!(sent.status(), 303);
    let confirm = header(&sent, "location")
        .strip_prefix(&site.origin)
        .unwrap()
        .to_owned();
    assert!(
        confirm.starts_with("/account/confirm?next=%2Fcontinue") && confirm.ends_with("&acr=phr"),
        "{confirm}"
    );

    let page = site.get(&confirm, &cookie).await;
    let asked = FactorStep::in_session(&cookie, &confirm, page).await;
    let password = [
        ("csrf_token", asked.token.as_str()),
        ("confirm_password", PASSWORD),
    ];
    let further = site.post_form(&confirm, &cookie, &password).await;
    assert_eq!(further.status(), 403, "the password is not enough");

    let done = site.present_passkey(&asked, &passkey).await;
    assert_eq!(done.status(), 303);
    assert!(header(&done, "location").starts_with("/continue?to="));
    let renewed = cookie_of(&done, "__Host-session").unwrap();
    let passed = verify(&site, "?acr=phr&max_age=60", &[("cookie", &renewed)]).await;
    assert_eq!(passed.status(), 200);
    assert_eq!(strength(&passed), ("phr", "swk mfa"));
}

#[tokio::test]
async fn account_without_such_a_factor_is_told_so() {
    let site = site().await;
    let cookie = site.sign_in("ada").await;
    let page = site.get("/account/confirm?acr=phr", &cookie).await;
    assert_eq!(page.status(), 403);
    let page = page.text().await.unwrap();
    assert!(page.contains(r#"href="/account/security""#), "{page}");
}
