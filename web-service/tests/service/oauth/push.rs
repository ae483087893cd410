//! `POST /oauth2/par` (RFC 9126).

use serde_json::Value;

use crate::support::{Site, header, request, response_of};

#[tokio::test]
async fn pushed_request_is_brought_by_its_uri() {
    let site = Site::with_shop("ada").await;
    let cookie = site.sign_in("ada").await;
    site.shop_tokens(&cookie, "openid profile").await;
    let pushed = site.oauth("/oauth2/par", &request(&[])).await;
    assert_eq!(pushed.status(), 201);
    assert_eq!(header(&pushed, "cache-control"), "no-store");
    let pushed: Value = pushed.json().await.unwrap();
    assert_eq!(pushed["expires_in"], 600);
    let uri = pushed["request_uri"].as_str().unwrap();
    assert!(
        uri.starts_with("urn:ietf:params:oauth:request_uri:"),
        "{uri}"
    );
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "shop"), ("request_uri", uri)])
        .finish();
    let done = site
        .get(&format!("/oauth2/authorize?{query}"), &cookie)
        .await;
    assert_eq!(done.status(), 303);
    assert!(response_of(header(&done, "location")).contains_key("code"));
}

#[tokio::test]
async fn invalid_request_is_not_pushed() {
    let site = Site::with_shop("ada").await;
    for (changes, status, error) in [
        (&[("client_id", "nobody")][..], 401, "invalid_client"),
        (&[("client_id", "")], 401, "invalid_client"),
        (
            &[("client_id", "shop"), ("client_id", "shop")],
            400,
            "invalid_request",
        ),
        (
            &[("scope", "openid"), ("scope", "profile")],
            400,
            "invalid_request",
        ),
        (
            &[("redirect_uri", "https://evil.example/")],
            400,
            "invalid_request",
        ),
        (
            &[("response_type", "token")],
            400,
            "unsupported_response_type",
        ),
        (
            &[("request_uri", "urn:a")],
            400,
            "request_uri_not_supported",
        ),
    ] {
        let refused = site.oauth("/oauth2/par", &request(changes)).await;
        assert_eq!(refused.status(), status, "{changes:?}");
        let refused: Value = refused.json().await.unwrap();
        assert_eq!(refused["error"], error, "{changes:?}: {refused}");
        assert!(refused["error_description"].is_string(), "{refused}");
    }
}

#[tokio::test]
async fn application_that_must_push_is_refused_otherwise() {
    let site = Site::with_user("ada").await;
    site.add_shop(|client| {
        client.relying_party.as_mut().unwrap().must_push = true;
    })
    .await;
    let cookie = site.sign_in("ada").await;
    let refused = site.authorize(&cookie, &[]).await;
    let response = response_of(header(&refused, "location"));
    assert_eq!(response["error"], "invalid_request");
    assert_eq!(site.oauth("/oauth2/par", &request(&[])).await.status(), 201);
}
