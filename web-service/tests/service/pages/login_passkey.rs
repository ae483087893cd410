//! `POST /login/passkey`, and `POST /login` with a passkey.

use crate::support::{PASSWORD, Site, assert_problem, cookie_of, header, options_of};

#[tokio::test]
async fn passkey_signs_in_without_username_and_password() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let done = site.sign_in_by(&passkey).await;
    assert_eq!(header(&done, "location"), "/dashboard");
    let session = cookie_of(&done, "__Host-session").unwrap();
    let shown = site.session(&session).await;
    assert_eq!(
        (&shown["username"], &shown["acr"]),
        (&"ada".into(), &"phr".into())
    );
}

#[tokio::test]
async fn challenge_is_good_once_for_its_form() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let (cookie, token) = site.login_form().await;
    let challenge = site.passkey_challenge(&cookie, &token).await;
    let other = site.passkey_challenge(&cookie, &token).await;
    assert_ne!(
        challenge["options"]["challenge"],
        other["options"]["challenge"]
    );
    let (foreign_cookie, foreign_token) = site.login_form().await;
    let answer = passkey.answer(&challenge["options"]).to_string();
    let send = async |cookie: &str, token: &str, attempt: &serde_json::Value, answer: &str| {
        let fields = [
            ("csrf_token", token),
            ("attempt", attempt["attempt"].as_str().unwrap()),
            ("passkey", answer),
        ];
        site.post_form("/login", cookie, &fields).await
    };
    let foreign = send(&foreign_cookie, &foreign_token, &challenge, &answer).await;
    assert_eq!(foreign.status(), 403, "the form of another browser");
    let crossed = send(&cookie, &token, &other, &answer).await;
    assert_eq!(crossed.status(), 401, "the challenge of another attempt");
    let page = crossed.text().await.unwrap();
    assert!(page.contains("This passkey was not accepted"), "{page}");
    for junk in ["{}", "[]", "x"] {
        assert_eq!(
            send(&cookie, &token, &challenge, junk).await.status(),
            401,
            "{junk}"
        );
    }
    let done = send(&cookie, &token, &challenge, &answer).await;
    assert_eq!(done.status(), 303);
}

#[tokio::test]
async fn challenge_needs_the_token_of_the_form() {
    let site = Site::with_passkeys("ada").await;
    let (cookie, token) = site.login_form().await;
    for (cookie, token) in [(cookie.as_str(), ""), ("", token.as_str())] {
        let fields = [("csrf_token", token)];
        let refused = site.post_form("/login/passkey", cookie, &fields).await;
        assert_problem(refused, 403, "INVALID_REQUEST").await;
    }
}

#[tokio::test]
async fn installation_without_passkeys_has_no_challenge() {
    let site = Site::with_user("ada").await;
    let (cookie, token) = site.login_form().await;
    let fields = [("csrf_token", token.as_str())];
    let refused = site.post_form("/login/passkey", &cookie, &fields).await;
    assert_problem(refused, 409, "PASSKEYS_OFF").await;
}

#[tokio::test]
async fn passkey_follows_the_password() {
    let site = Site::with_passkeys("ada").await;
    let session = site.sign_in("ada").await;
    let passkey = site.register_passkey(&session).await;
    let step = site.after_password("ada").await;
    let options = options_of(&step.page);
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    let done = site.present_passkey(&step, &passkey).await;
    let session = cookie_of(&done, "__Host-session").unwrap();
    let shown = site.session(&session).await;
    assert_eq!(shown["acr"], "phr");
    assert_eq!(shown["amr"], serde_json::json!(["pwd", "swk", "mfa"]));
    assert_eq!(site.api_login("ada", PASSWORD).await.status(), 401);
}
