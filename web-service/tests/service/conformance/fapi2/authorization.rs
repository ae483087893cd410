//! Metadata, authorization requests and their responses.

use serde_json::{Value, json};

use super::{Client, ISSUER};
use crate::{
    conformance::relying_party::error_of,
    support::{claims_of, refresh_target, response_of},
};

#[tokio::test]
async fn discovery_end_point_verification() {
    let client = Client::start().await;
    let path = "/.well-known/openid-configuration";
    let metadata: Value = client.site().get(path, "").await.json().await.unwrap();
    let lists = |name: &str, value: &str| {
        let values = metadata[name].as_array().unwrap();
        assert!(values.contains(&json!(value)), "{name}");
    };
    lists("token_endpoint_auth_methods_supported", "private_key_jwt");
    lists("dpop_signing_alg_values_supported", "ES256");
    lists("code_challenge_methods_supported", "S256");
    lists("response_types_supported", "code");
    let iss = "authorization_response_iss_parameter_supported";
    assert_eq!(metadata[iss], true);
    assert!(metadata["pushed_authorization_request_endpoint"].is_string());
}

#[tokio::test]
async fn happy_flow() {
    let client = Client::start().await;
    let response = client
        .response(&[("state", "a state"), ("nonce", "n")])
        .await;
    assert_eq!(response["state"], "a state");
    assert_eq!(response["iss"], ISSUER);
    let proof = client.proof("POST", "/oauth2/token", &json!({}));
    let tokens = client.exchange(&response["code"], &proof).await;
    let tokens: Value = tokens.json().await.unwrap();
    assert_eq!(tokens["token_type"], "DPoP");
    let access = claims_of(&tokens["access_token"]);
    assert_eq!(access["cnf"]["jkt"], client.dpop.thumbprint());
    assert_eq!(claims_of(&tokens["id_token"])["nonce"], "n");
    let info = client.userinfo(&tokens, &json!({})).await;
    assert_eq!(info.status(), 200);
}

#[tokio::test]
async fn user_rejects_authentication() {
    let client = Client::start_with(|client| {
        client.relying_party.as_mut().unwrap().is_first_party = false;
    })
    .await;
    let uri = client.pushed(&[]).await;
    let page = client.bring(&uri, &[]).await.text().await.unwrap();
    let cookie = &client.provider.cookie;
    let denied = client.site().decide(cookie, &page, "deny").await;
    let target = refresh_target(&denied.text().await.unwrap());
    assert_eq!(response_of(&target)["error"], "access_denied");
}

#[tokio::test]
async fn ensure_authorization_request_without_state_success() {
    let client = Client::start().await;
    let response = client.response(&[("state", "")]).await;
    assert!(response.contains_key("code") && !response.contains_key("state"));
}

#[tokio::test]
async fn ensure_authorization_request_without_nonce_success() {
    let client = Client::start().await;
    let tokens = client.tokens(&[("nonce", "")]).await;
    assert!(claims_of(&tokens["id_token"])["nonce"].is_null());
}

#[tokio::test]
async fn ensure_authorization_request_with_64_char_nonce_success() {
    let client = Client::start().await;
    let nonce = "n".repeat(64);
    let tokens = client.tokens(&[("nonce", &nonce)]).await;
    assert_eq!(claims_of(&tokens["id_token"])["nonce"], nonce);
}

#[tokio::test]
async fn ensure_authorization_request_with_long_nonce() {
    let client = Client::start().await;
    let nonce = "n".repeat(384);
    let tokens = client.tokens(&[("nonce", &nonce)]).await;
    assert_eq!(claims_of(&tokens["id_token"])["nonce"], nonce);
}

#[tokio::test]
async fn ensure_authorization_request_with_long_state() {
    let client = Client::start().await;
    let state = "s".repeat(384);
    let response = client.response(&[("state", &state)]).await;
    assert_eq!(response["state"], state);
}

#[tokio::test]
async fn ensure_response_mode_query() {
    let client = Client::start().await;
    let response = client.response(&[("response_mode", "query")]).await;
    assert!(response.contains_key("code"));
}

#[tokio::test]
async fn ensure_redirect_uri_in_authorization_request() {
    let client = Client::start().await;
    let refused = client.push(&[("redirect_uri", "")]).await;
    assert_eq!(error_of(refused).await, "invalid_request");
}

#[tokio::test]
async fn ensure_registered_redirect_uri() {
    let client = Client::start().await;
    let refused = client.push(&[("redirect_uri", "https://evil.example/")]);
    assert_eq!(error_of(refused.await).await, "invalid_request");
}

#[tokio::test]
async fn ensure_unsigned_authorization_request_without_using_par_fails() {
    let client = Client::start().await;
    assert_eq!(client.provider.error(&[]).await, "invalid_request");
}
