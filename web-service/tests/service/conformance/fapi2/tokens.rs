//! Codes, client assertions, DPoP proofs and refresh tokens.

use std::time::Duration;

use holdfast_identity::oauth::ClientAuthMethod;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, ISSUER, code_form, uri_of};
use crate::{
    conformance::relying_party::error_of,
    support::{SigningKey, VERIFIER, header, request, response_of, sha256, until},
};

#[tokio::test]
async fn ensure_authorization_code_is_bound_to_client() {
    let client = Client::start().await;
    let other = SigningKey::generate();
    let jwk = other.jwk().to_string();
    let site = client.site();
    site.add_shop(|new| {
        new.id = "other".parse().unwrap();
        new.auth_method = ClientAuthMethod::Key(jwk);
    })
    .await;
    let code = client.code().await;
    let assertion = other.assertion("other", ISSUER, client.now(), &json!({}));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let stolen = [
        &code_form(&code, VERIFIER)[..],
        &[
            ("client_assertion_type", kind),
            ("client_assertion", &assertion),
        ],
    ]
    .concat();
    let refused = site.oauth("/oauth2/token", &stolen).await;
    assert_eq!(error_of(refused).await, "invalid_grant");
}

#[tokio::test]
async fn attempt_reuse_authorization_code_after_one_second() {
    let client = Client::start().await;
    let code = client.code().await;
    let proof = || client.proof("POST", "/oauth2/token", &json!({}));
    let tokens: Value = client.exchange(&code, &proof()).await.json().await.unwrap();
    client.site().clock.advance(Duration::from_secs(1));
    let again = client.exchange(&code, &proof()).await;
    assert_eq!(error_of(again).await, "invalid_grant");
    let refused = async || {
        let status = client.userinfo(&tokens, &json!({})).await.status();
        (status == 401).then_some(())
    };
    until("the end of its tokens", refused).await;
}

/// Asserts that a proof of another key does not exchange the code.
async fn assert_bound_to_key(client: Client, code: &str) {
    let thief = Client {
        dpop: SigningKey::generate(),
        ..client
    };
    let proof = thief.proof("POST", "/oauth2/token", &json!({}));
    let refused = thief.exchange(code, &proof).await;
    assert_eq!(error_of(refused).await, "invalid_dpop_proof");
}

/// `dpop_jkt` in the request.
#[tokio::test]
async fn ensure_dpop_auth_code_binding_success() {
    let client = Client::start().await;
    let thumbprint = client.dpop.thumbprint();
    let announced = [("dpop_jkt", &*thumbprint)];
    client.tokens(&announced).await;
    let code = client.response(&announced).await.remove("code").unwrap();
    assert_bound_to_key(client, &code).await;
}

/// A proof with the pushed request.
#[tokio::test]
async fn ensure_dpopproof_at_par_endpoint_binding_success() {
    let client = Client::start().await;
    let push = async |further: &[(&str, &str)]| {
        let proof = client.proof("POST", "/oauth2/par", &json!({}));
        let pushed = client.post("/oauth2/par", &request(further));
        pushed.header("dpop", proof).send().await.unwrap()
    };
    let uri = uri_of(push(&[]).await).await;
    let brought = client.bring(&uri, &[]).await;
    let code = response_of(header(&brought, "location"))["code"].clone();
    let mismatched = push(&[("dpop_jkt", &SigningKey::generate().thumbprint())]).await;
    assert_eq!(error_of(mismatched).await, "invalid_request");
    let for_another = client.proof("POST", "/oauth2/token", &json!({}));
    let refused = client.post("/oauth2/par", &request(&[]));
    let refused = refused.header("dpop", for_another).send().await.unwrap();
    assert_eq!(error_of(refused).await, "invalid_dpop_proof");
    assert_bound_to_key(client, &code).await;
}

/// The error of a pushed request whose assertion has these claims.
async fn assertion_error(claims: Value) -> String {
    let client = Client::start().await;
    let form = client.form(&claims, &request(&[]));
    let refused = client.site().request(Method::POST, "/oauth2/par");
    error_of(refused.form(&form).send().await.unwrap()).await
}

#[tokio::test]
async fn ensure_client_assertion_with_wrong_aud_fails() {
    let error = assertion_error(json!({"aud": "https://other.example"})).await;
    assert_eq!(error, "invalid_client");
}

#[tokio::test]
async fn ensure_client_assertion_with_no_sub_fails() {
    let error = assertion_error(json!({"sub": null})).await;
    assert_eq!(error, "invalid_client");
}

#[tokio::test]
async fn ensure_invalid_client_assertions_fail() {
    for claims in [
        json!({"iss": null}),
        json!({"iss": "other"}),
        json!({"aud": null}),
        json!({"exp": null}),
        json!({"exp": 1}),
        json!({"jti": null}),
        json!({"nbf": 4_000_000_000_i64}),
    ] {
        let error = assertion_error(claims.clone()).await;
        assert_eq!(error, "invalid_client", "{claims}");
    }
}

#[tokio::test]
async fn dpop_negative_tests() {
    let client = Client::start().await;
    let tokens = client.tokens(&[]).await;
    let now = client.now();
    for claims in [
        json!({"jti": null}),
        json!({"htm": null}),
        json!({"htm": "POST"}),
        json!({"htu": null}),
        json!({"htu": "https://other.example/oauth2/userinfo"}),
        json!({"iat": null}),
        json!({"iat": now - 3600}),
        json!({"iat": now + 3600}),
        json!({"ath": null}),
        json!({"ath": sha256("another token")}),
    ] {
        let refused = client.userinfo(&tokens, &claims).await;
        assert_eq!(refused.status(), 401, "{claims}");
        let challenge = header(&refused, "www-authenticate");
        assert!(
            challenge.contains("error=\"invalid_dpop_proof\""),
            "{claims}: {challenge}"
        );
    }
    assert_eq!(client.userinfo(&tokens, &json!({})).await.status(), 200);
}

#[tokio::test]
async fn ensure_holder_of_key_required() {
    let client = Client::start().await;
    let code = client.code().await;
    let request = client.post("/oauth2/token", &code_form(&code, VERIFIER));
    let refused = request.send().await.unwrap();
    assert_eq!(error_of(refused).await, "invalid_dpop_proof");
}

#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    let client = Client::start().await;
    let tokens = client.tokens(&[]).await;
    let token = tokens["access_token"].as_str().unwrap();
    let first = client.userinfo(&tokens, &json!({})).await;
    let nonce = header(&first, "dpop-nonce").to_owned();
    let claims = json!({"ath": sha256(token), "nonce": nonce});
    let proof = client.proof("GET", "/oauth2/userinfo", &claims);
    let request = client.site().request(Method::GET, "/oauth2/userinfo");
    let request = request.header("authorization", format!("dpop {token}"));
    let shown = request.header("dpop", proof).send().await.unwrap();
    assert_eq!(shown.status(), 200);
}

#[tokio::test]
async fn refresh_token() {
    let client = Client::start().await;
    let tokens = client.tokens(&[("scope", "openid offline_access")]).await;
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let send = async |proof: Option<String>| {
        let request = client.post("/oauth2/token", &refresh);
        let request = match proof {
            Some(proof) => request.header("dpop", proof),
            None => request,
        };
        request.send().await.unwrap()
    };
    let without = send(None).await;
    assert_eq!(error_of(without).await, "invalid_dpop_proof");
    let asked = send(Some(client.proof("POST", "/oauth2/token", &json!({})))).await;
    let nonce = header(&asked, "dpop-nonce").to_owned();
    let proof = client.proof("POST", "/oauth2/token", &json!({"nonce": nonce}));
    let refreshed = send(Some(proof)).await;
    assert_eq!(refreshed.status(), 200);
    let refreshed: Value = refreshed.json().await.unwrap();
    assert_eq!(client.userinfo(&refreshed, &json!({})).await.status(), 200);
}
