//! Pushed authorization requests and PKCE.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use url::form_urlencoded;

use super::{Client, assert_error_page, code_form};
use crate::{
    conformance::relying_party::{Provider, error_of},
    support::{REDIRECT, VERIFIER, header, request, response_of},
};

#[tokio::test]
async fn par_ensure_reused_request_uri_prior_to_auth_completion_succeeds() {
    let client = Client::start().await;
    let uri = client.pushed(&[]).await;
    let visitor = Client {
        provider: Provider {
            cookie: String::new(),
            ..client.provider
        },
        ..client
    };
    for _ in 0..2 {
        let asked = visitor.bring(&uri, &[]).await;
        let location = header(&asked, "location");
        assert!(location.starts_with("/login?next="), "{location}");
    }
}

#[tokio::test]
async fn par_attempt_to_use_expired_request_uri() {
    let client = Client::start().await;
    let uri = client.pushed(&[]).await;
    client.site().clock.advance(Duration::from_mins(11));
    assert_error_page(&client.bring(&uri, &[]).await);
}

#[tokio::test]
async fn par_attempt_to_use_request_uri_for_different_client() {
    let client = Client::start().await;
    let site = client.site();
    site.add_shop(|new| new.id = "other".parse().unwrap()).await;
    let uri = client.pushed(&[]).await;
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "other"), ("request_uri", &uri)])
        .finish();
    let path = format!("/oauth2/authorize?{query}");
    assert_error_page(&site.get(&path, &client.provider.cookie).await);
}

#[tokio::test]
async fn par_authorization_request_containing_request_uri_form_param() {
    let client = Client::start().await;
    let uri = client.pushed(&[]).await;
    let refused = client.push(&[("request_uri", &uri)]).await;
    assert_eq!(error_of(refused).await, "request_uri_not_supported");
}

#[tokio::test]
async fn par_attempt_invalid_http_method() {
    let client = Client::start().await;
    let form = client.form(&json!({}), &request(&[]));
    let put = client
        .site()
        .request(Method::PUT, "/oauth2/par")
        .form(&form);
    assert_eq!(put.send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn par_ensure_pkce_required() {
    let client = Client::start().await;
    let changes = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(
        error_of(client.push(&changes).await).await,
        "invalid_request"
    );
}

#[tokio::test]
async fn par_plain_pkce_rejected() {
    let client = Client::start().await;
    let changes = [
        ("code_challenge", VERIFIER),
        ("code_challenge_method", "plain"),
    ];
    assert_eq!(
        error_of(client.push(&changes).await).await,
        "invalid_request"
    );
}

/// The error of an exchange with this verifier.
async fn verifier_error(verifier: &str) -> String {
    let client = Client::start().await;
    let code = client.code().await;
    let proof = client.proof("POST", "/oauth2/token", &json!({}));
    let request = client.post("/oauth2/token", &code_form(&code, verifier));
    error_of(request.header("dpop", proof).send().await.unwrap()).await
}

#[tokio::test]
async fn ensure_pkce_code_verifier_required() {
    assert_eq!(verifier_error("").await, "invalid_request");
}

#[tokio::test]
async fn incorrect_pkce_code_verifier_rejected() {
    assert_eq!(verifier_error(&"x".repeat(43)).await, "invalid_grant");
}

/// What the browser brings beside the pushed request does not count.
#[tokio::test]
async fn par_without_duplicate_parameters() {
    let client = Client::start().await;
    let uri = client.pushed(&[("state", "pushed")]).await;
    let further = [
        ("state", "brought"),
        ("redirect_uri", "https://evil.example/"),
    ];
    let response = client.bring(&uri, &further).await;
    let location = header(&response, "location");
    assert!(location.starts_with(REDIRECT), "{location}");
    assert_eq!(response_of(location)["state"], "pushed");
}
