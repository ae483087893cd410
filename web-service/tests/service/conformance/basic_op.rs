//! `oidcc-basic-certification-test-plan`, with `client_secret_basic` and the response type `code`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::relying_party::{Provider, SECRET, error_of};
use crate::support::{
    PASSWORD, REDIRECT, VERIFIER, claims_of, cookie_of, form_token, header, refresh_target,
    request, response_of,
};

#[tokio::test]
async fn oidcc_server() {
    let provider = Provider::start().await;
    let changes = [("nonce", "a nonce"), ("state", "a state")];
    let response = provider.authorize(&changes).await;
    assert_eq!(response["state"], "a state");
    let tokens: Value = provider
        .exchange(&response["code"])
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(tokens["token_type"], "Bearer");
    let claims = claims_of(&tokens["id_token"]);
    assert_eq!(claims["iss"], "https://id.example");
    assert_eq!(claims["aud"], "shop");
    assert_eq!(claims["nonce"], "a nonce");
    assert!(claims["exp"].as_i64().unwrap() > claims["iat"].as_i64().unwrap());
    assert!(!claims["sub"].as_str().unwrap().is_empty());
    let info = provider.userinfo(&tokens).await;
    assert_eq!(info["sub"], claims["sub"]);
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    let provider = Provider::start().await;
    let error = provider.error(&[("response_type", "")]).await;
    assert_eq!(error, "invalid_request");
}

#[tokio::test]
async fn oidcc_idtoken_signature() {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[]).await;
    let token = tokens["id_token"].as_str().unwrap();
    let head = provider.site.verified_head(token).await;
    assert_eq!(head["alg"], "EdDSA");
}

/// There are no unsigned ID tokens.
#[tokio::test]
async fn oidcc_idtoken_unsigned() {
    let provider = Provider::start().await;
    let metadata = provider.site.get("/.well-known/openid-configuration", "");
    let metadata: Value = metadata.await.json().await.unwrap();
    let algorithms = &metadata["id_token_signing_alg_values_supported"];
    assert!(!algorithms.as_array().unwrap().contains(&json!("none")));
}

#[tokio::test]
async fn oidcc_userinfo_get() {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[]).await;
    let info = provider.userinfo(&tokens).await;
    assert_eq!(info["sub"], claims_of(&tokens["id_token"])["sub"]);
}

#[tokio::test]
async fn oidcc_userinfo_post_header() {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[]).await;
    let request = provider.site.request(Method::POST, "/oauth2/userinfo");
    let token = tokens["access_token"].as_str().unwrap();
    let info = request.bearer_auth(token).send().await.unwrap();
    let info: Value = info.json().await.unwrap();
    assert_eq!(info["sub"], claims_of(&tokens["id_token"])["sub"]);
}

/// A token in the body is not read (RFC 6750 §2.2 is optional), and the suite accepts that.
#[tokio::test]
async fn oidcc_userinfo_post_body() {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[]).await;
    let form = [("access_token", tokens["access_token"].as_str().unwrap())];
    let refused = provider.site.oauth("/oauth2/userinfo", &form).await;
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let provider = Provider::start().await;
    let claims = provider.id_token(&[("nonce", "")]).await;
    assert!(claims["nonce"].is_null(), "{claims}");
}

/// A scope whose claims accounts do not have gives none.
async fn scope(scope: &str, username: Option<&str>) {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[("scope", scope)]).await;
    let info = provider.userinfo(&tokens).await;
    let mut expected = json!({"sub": claims_of(&tokens["id_token"])["sub"]});
    if let Some(username) = username {
        expected["preferred_username"] = username.into();
    }
    assert_eq!(info, expected);
}

#[tokio::test]
async fn oidcc_scope_profile() {
    scope("openid profile", Some("ada")).await;
}

#[tokio::test]
async fn oidcc_scope_email() {
    scope("openid email", None).await;
}

#[tokio::test]
async fn oidcc_scope_address() {
    scope("openid address", None).await;
}

#[tokio::test]
async fn oidcc_scope_phone() {
    scope("openid phone", None).await;
}

#[tokio::test]
async fn oidcc_scope_all() {
    scope("openid profile email address phone", Some("ada")).await;
}

#[tokio::test]
async fn oidcc_ensure_other_scope_order_succeeds() {
    scope("profile openid", Some("ada")).await;
}

/// A parameter that has no effect here.
async fn ignored(name: &str, value: &str) {
    let provider = Provider::start().await;
    let claims = provider.id_token(&[(name, value)]).await;
    assert_eq!(claims["aud"], "shop");
}

#[tokio::test]
async fn oidcc_display_page() {
    ignored("display", "page").await;
}

#[tokio::test]
async fn oidcc_display_popup() {
    ignored("display", "popup").await;
}

#[tokio::test]
async fn oidcc_ui_locales() {
    ignored("ui_locales", "se").await;
}

#[tokio::test]
async fn oidcc_claims_locales() {
    ignored("claims_locales", "se").await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    ignored("extra", "foobar").await;
}

#[tokio::test]
async fn oidcc_claims_essential() {
    ignored("claims", r#"{"userinfo": {"name": {"essential": true}}}"#).await;
}

/// `acr` is in the ID token, whether or not a known value was asked for.
#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let provider = Provider::start().await;
    for values in ["1 2", "aal1"] {
        let claims = provider.id_token(&[("acr_values", values)]).await;
        assert_eq!(claims["acr"], "aal1");
    }
}

/// The person authenticates again, and `auth_time` is later.
async fn asks_again(parameter: (&str, &str)) {
    let provider = Provider::start().await;
    let first = provider.id_token(&[("max_age", "15000")]).await;
    provider.site.clock.advance(Duration::from_secs(2));
    let changes = [parameter];
    let asked = provider.site.authorize(&provider.cookie, &changes).await;
    let path = header(&asked, "location").to_owned();
    assert!(path.starts_with("/account/confirm?next="), "{path}");
    let page = provider.site.get(&path, &provider.cookie).await;
    let fields = [
        ("csrf_token", &*form_token(&page.text().await.unwrap())),
        ("confirm_password", PASSWORD),
    ];
    let done = provider.site.post_form(&path, &provider.cookie, &fields);
    let done = done.await;
    let cookie = cookie_of(&done, "__Host-session").unwrap();
    let answer = provider.site.get(header(&done, "location"), &cookie).await;
    let target = refresh_target(&answer.text().await.unwrap());
    let tokens = provider.exchange(&response_of(&target)["code"]).await;
    let tokens: Value = tokens.json().await.unwrap();
    let second = claims_of(&tokens["id_token"]);
    assert_eq!(second["sub"], first["sub"]);
    let time = |claims: &Value| claims["auth_time"].as_i64().unwrap();
    assert!(time(&second) > time(&first), "{first} {second}");
}

#[tokio::test]
async fn oidcc_prompt_login() {
    asks_again(("prompt", "login")).await;
}

#[tokio::test]
async fn oidcc_max_age_1() {
    asks_again(("max_age", "1")).await;
}

#[tokio::test]
async fn oidcc_max_age_10000() {
    let provider = Provider::start().await;
    let first = provider.id_token(&[]).await;
    provider.site.clock.advance(Duration::from_secs(2));
    let second = provider.id_token(&[("max_age", "10000")]).await;
    assert_eq!(second["sub"], first["sub"]);
    assert_eq!(second["auth_time"], first["auth_time"]);
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let provider = Provider {
        cookie: String::new(),
        ..Provider::start().await
    };
    let error = provider.error(&[("prompt", "none")]).await;
    assert_eq!(error, "login_required");
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let provider = Provider::start().await;
    let first = provider.id_token(&[]).await;
    let second = provider.id_token(&[("prompt", "none")]).await;
    for name in ["sub", "auth_time", "sid"] {
        assert_eq!(second[name], first[name], "{name}");
    }
}

#[tokio::test]
async fn oidcc_id_token_hint() {
    let provider = Provider::start().await;
    let tokens = provider.tokens(&[]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let changes = [("prompt", "none"), ("id_token_hint", hint)];
    let claims = provider.id_token(&changes).await;
    assert_eq!(claims["sub"], claims_of(&tokens["id_token"])["sub"]);
}

#[tokio::test]
async fn oidcc_login_hint() {
    let provider = Provider {
        cookie: String::new(),
        ..Provider::start().await
    };
    let asked = provider.site.authorize("", &[("login_hint", "bob")]).await;
    let page = provider.site.get(header(&asked, "location"), "").await;
    let page = page.text().await.unwrap();
    assert!(page.contains("value=\"bob\""), "{page}");
}

/// A code that is used again is refused after this time, and what it was exchanged for ends.
async fn code_reuse(after: Duration) {
    let provider = Provider::start().await;
    let changes = [("scope", "openid offline_access")];
    let code = provider.authorize(&changes).await.remove("code").unwrap();
    let tokens: Value = provider.exchange(&code).await.json().await.unwrap();
    provider.site.clock.advance(after);
    assert_eq!(
        error_of(provider.exchange(&code).await).await,
        "invalid_grant"
    );
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    assert_eq!(
        error_of(provider.token(&refresh).await).await,
        "invalid_grant"
    );
}

#[tokio::test]
async fn oidcc_codereuse() {
    code_reuse(Duration::ZERO).await;
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    code_reuse(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let provider = Provider::start().await;
    let changes = [("redirect_uri", "https://shop.example/callback/other")];
    let refused = provider.site.authorize(&provider.cookie, &changes).await;
    assert_eq!(refused.status(), 400);
    assert_eq!(header(&refused, "location"), "");
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    let provider = Provider::start().await;
    let form = request(&[]);
    let sent = provider.site.oauth("/oauth2/authorize", &form).await;
    assert_eq!(sent.status(), 303);
    let same = header(&sent, "location").to_owned();
    let response = provider.site.get(&same, &provider.cookie).await;
    assert!(response_of(header(&response, "location")).contains_key("code"));
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let provider = Provider::start().await;
    let code = provider.authorize(&[]).await.remove("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "shop"),
        ("client_secret", SECRET),
    ];
    let response = provider.site.oauth("/oauth2/token", &form).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn oidcc_refresh_token() {
    let provider = Provider::start().await;
    let changes = [("scope", "openid offline_access")];
    let tokens = provider.tokens(&changes).await;
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let refreshed: Value = provider.token(&refresh).await.json().await.unwrap();
    let (first, second) = (
        claims_of(&tokens["id_token"]),
        claims_of(&refreshed["id_token"]),
    );
    for name in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(second[name], first[name], "{name}");
    }
    assert_ne!(refreshed["access_token"], tokens["access_token"]);
    let of_another = [("client_id", "other"), refresh[0], refresh[1]];
    let refused = provider.site.oauth("/oauth2/token", &of_another).await;
    assert_eq!(error_of(refused).await, "invalid_client");
}

/// It is required.
#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let provider = Provider::start().await;
    let claims = provider.id_token(&[]).await;
    assert_eq!(claims["aud"], "shop");
    assert_eq!(
        provider.error(&[("code_challenge", "")]).await,
        "invalid_request"
    );
}
