//! `POST /oauth2/token` with `grant_type=authorization_code`.

use serde_json::Value;

use crate::support::{REDIRECT, Site, VERIFIER, claims_of, until};

#[tokio::test]
async fn code_is_exchanged_for_tokens_of_its_scope() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let tokens = site
        .shop_tokens(&cookie, "openid profile offline_access orders:read")
        .await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["scope"], "profile openid offline_access orders:read");
    let id_token = claims_of(&tokens["id_token"]);
    assert_eq!(id_token["iss"], "https://id.example");
    assert_eq!(id_token["aud"], "shop");
    assert_eq!(id_token["preferred_username"], "ada");
    let access_token = claims_of(&tokens["access_token"]);
    assert_eq!(access_token["client_id"], "shop");
    assert_eq!(access_token["sub"], id_token["sub"]);

    let refreshed = site.refresh_shop(&tokens).await;
    assert_eq!(refreshed.status(), 200);
    let refreshed: Value = refreshed.json().await.unwrap();
    assert_eq!(claims_of(&refreshed["id_token"])["sub"], id_token["sub"]);
    assert_eq!(site.userinfo(&refreshed).await.status(), 200);
}

#[tokio::test]
async fn scopes_decide_about_id_token_and_refresh_token() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let plain = site.shop_tokens(&cookie, "orders:read").await;
    assert!(
        plain["id_token"].is_null() && plain["refresh_token"].is_null(),
        "{plain}"
    );
    let openid = site.shop_tokens(&cookie, "openid").await;
    assert!(
        openid["id_token"].is_string() && openid["refresh_token"].is_null(),
        "{openid}"
    );
}

#[tokio::test]
async fn wrong_exchange_is_invalid_grant() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let code = site.code(&cookie, "openid").await;
    for (name, value, error) in [
        ("code", "hfc_AAAA", "invalid_grant"),
        ("code", "", "invalid_request"),
        (
            "redirect_uri",
            "https://shop.example/other",
            "invalid_grant",
        ),
        ("redirect_uri", "", "invalid_request"),
        ("code_verifier", &"x".repeat(43), "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("client_id", "nobody", "invalid_client"),
        ("client_id", "", "invalid_client"),
        ("resource", "https://other.example", "invalid_target"),
    ] {
        let form: Vec<_> = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_id", "shop"),
            ("resource", "https://api.example"),
        ]
        .into_iter()
        .map(|(one, usual)| (one, if one == name { value } else { usual }))
        .collect();
        let refused: Value = site
            .oauth("/oauth2/token", &form)
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(refused["error"], error, "{name}={value}: {refused}");
    }
    let exchanged = site.exchange(&code).await;
    assert_eq!(
        exchanged.status(),
        200,
        "a refused exchange does not use the code up"
    );
}

#[tokio::test]
async fn second_exchange_of_a_code_ends_the_first() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let code = site.code(&cookie, "openid offline_access").await;
    let tokens: Value = site.exchange(&code).await.json().await.unwrap();
    assert_eq!(site.userinfo(&tokens).await.status(), 200);
    let again = site.exchange(&code).await;
    assert_eq!(again.status(), 400);
    let error: Value = again.json().await.unwrap();
    assert_eq!(error["error"], "invalid_grant");
    let refreshed: Value = site.refresh_shop(&tokens).await.json().await.unwrap();
    assert_eq!(refreshed["error"], "invalid_grant");
    let refused = async || (site.userinfo(&tokens).await.status() == 401).then_some(());
    until("the end of the first grant", refused).await;
    assert!(site.is_signed_in(&cookie).await, "the login goes on");
}

#[tokio::test]
async fn code_of_an_ended_login_is_invalid_grant() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    let code = site.code(&cookie, "openid").await;
    let token = site.page_token("/dashboard", &cookie).await;
    site.sign_out(&cookie, &token).await;
    let refused = site.exchange(&code).await;
    assert_eq!(refused.status(), 400);
    let error: Value = refused.json().await.unwrap();
    assert_eq!(error["error"], "invalid_grant");
}
