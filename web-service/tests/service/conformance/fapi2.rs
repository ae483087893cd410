//! `fapi2-security-profile-final-test-plan`, with `private_key_jwt`, DPoP, OpenID Connect and unsigned requests, as far as it is built:
//! a pushed request may be brought several times within its ten minutes, each time by a browser that signs in (`par-attempt-reuse-request_uri`),
//! as RFC 9126 §4 permits; a client that is not registered for pushed requests only may send them directly.

use std::{collections::HashMap, time::Duration};

use holdfast_core::clock::Clock as _;
use holdfast_identity::oauth::{ClientAuthMethod, OauthClient};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::relying_party::{Provider, error_of};
use crate::support::{
    REDIRECT, SigningKey, Site, VERIFIER, claims_of, header, request, response_of, sha256,
};

const ISSUER: &str = "https://id.example";

/// A relying party of the profile.
struct Client {
    provider: Provider,
    /// Of client assertions.
    key: SigningKey,
    /// Of DPoP proofs.
    dpop: SigningKey,
}

impl Client {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(adjust: impl FnOnce(&mut OauthClient)) -> Self {
        let key = SigningKey::generate();
        let jwk = key.jwk().to_string();
        let provider = Provider::start_with(|client| {
            client.auth_method = ClientAuthMethod::Key(jwk);
            client.dpop_required = true;
            client.relying_party.as_mut().unwrap().must_push = true;
            adjust(client);
        })
        .await;
        Self {
            provider,
            key,
            dpop: SigningKey::generate(),
        }
    }

    fn site(&self) -> &Site {
        &self.provider.site
    }

    fn now(&self) -> i64 {
        self.site().clock.now().unix_timestamp()
    }

    /// A proof for a request, with further claims.
    fn proof(&self, method: &str, path: &str, further: &Value) -> String {
        let uri = format!("{}{path}", self.site().origin);
        self.dpop.proof(method, &uri, self.now(), further)
    }

    /// A form with a client assertion, which has these claims beside or in place of the usual ones.
    fn form<'a>(&self, further: &Value, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
        let assertion = self.key.assertion("shop", ISSUER, self.now(), further);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let mut form: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        form.extend([
            ("client_assertion_type", kind.to_owned()),
            ("client_assertion", assertion),
        ]);
        form
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let form = self.form(&json!({}), fields);
        self.site().request(Method::POST, path).form(&form)
    }

    async fn push(&self, changes: &[(&str, &str)]) -> Response {
        let request = self.post("/oauth2/par", &request(changes));
        request.send().await.unwrap()
    }

    async fn pushed(&self, changes: &[(&str, &str)]) -> String {
        uri_of(self.push(changes).await).await
    }

    /// Brings a pushed request to the authorization endpoint, with further parameters.
    async fn bring(&self, uri: &str, further: &[(&str, &str)]) -> Response {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("client_id", "shop"), ("request_uri", uri)])
            .extend_pairs(further)
            .finish();
        let path = format!("/oauth2/authorize?{query}");
        self.site().get(&path, &self.provider.cookie).await
    }

    async fn response(&self, changes: &[(&str, &str)]) -> HashMap<String, String> {
        let uri = self.pushed(changes).await;
        let response = self.bring(&uri, &[]).await;
        response_of(header(&response, "location"))
    }

    async fn code(&self) -> String {
        self.response(&[]).await.remove("code").unwrap()
    }

    /// Exchanges a code with a proof.
    async fn exchange(&self, code: &str, proof: &str) -> Response {
        let request = self.post("/oauth2/token", &code_form(code, VERIFIER));
        request.header("dpop", proof).send().await.unwrap()
    }

    async fn tokens(&self, changes: &[(&str, &str)]) -> Value {
        let code = self.response(changes).await.remove("code").unwrap();
        let proof = self.proof("POST", "/oauth2/token", &json!({}));
        let response = self.exchange(&code, &proof).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Calls the userinfo endpoint with a proof of the key, and a nonce of the server.
    async fn userinfo(&self, tokens: &Value, further: &Value) -> Response {
        let token = tokens["access_token"].as_str().unwrap();
        let call = async |claims: &Value| {
            let proof = self.proof("GET", "/oauth2/userinfo", claims);
            let request = self.site().request(Method::GET, "/oauth2/userinfo");
            let request = request.header("authorization", format!("DPoP {token}"));
            request.header("dpop", proof).send().await.unwrap()
        };
        let mut claims = json!({"ath": sha256(token)});
        let nonce = header(&call(&claims).await, "dpop-nonce").to_owned();
        claims["nonce"] = nonce.into();
        for (name, value) in further.as_object().unwrap() {
            claims[name] = value.clone();
        }
        call(&claims).await
    }
}

fn code_form<'a>(code: &'a str, verifier: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ]
}

async fn uri_of(pushed: Response) -> String {
    assert_eq!(pushed.status(), 201);
    let pushed: Value = pushed.json().await.unwrap();
    pushed["request_uri"].as_str().unwrap().to_owned()
}

fn assert_error_page(response: &Response) {
    assert_eq!(response.status(), 400);
    assert_eq!(header(response, "location"), "");
}

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
    let target = crate::support::refresh_target(&denied.text().await.unwrap());
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
    crate::support::until("the end of its tokens", refused).await;
}

/// `dpop_jkt` in the request.
#[tokio::test]
async fn ensure_dpop_auth_code_binding_success() {
    let client = Client::start().await;
    let thumbprint = client.dpop.thumbprint();
    let announced = [("dpop_jkt", &*thumbprint)];
    client.tokens(&announced).await;
    let code = client.response(&announced).await.remove("code").unwrap();
    let thief = Client {
        dpop: SigningKey::generate(),
        ..client
    };
    let proof = thief.proof("POST", "/oauth2/token", &json!({}));
    let refused = thief.exchange(&code, &proof).await;
    assert_eq!(error_of(refused).await, "invalid_dpop_proof");
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
    let thief = Client {
        dpop: SigningKey::generate(),
        ..client
    };
    let proof = thief.proof("POST", "/oauth2/token", &json!({}));
    let refused = thief.exchange(&code, &proof).await;
    assert_eq!(error_of(refused).await, "invalid_dpop_proof");
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
