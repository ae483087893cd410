//! `fapi2-security-profile-final-test-plan`, with `private_key_jwt`, DPoP, OpenID Connect and unsigned requests, as far as it is built:
//! a pushed request may be brought several times within its ten minutes, each time by a browser that signs in (`par-attempt-reuse-request_uri`),
//! as RFC 9126 §4 permits; a client that is not registered for pushed requests only may send them directly.

mod authorization;
mod pushed;
mod tokens;

use std::collections::HashMap;

use holdfast_core::clock::Clock as _;
use holdfast_identity::oauth::{ClientAuthMethod, OauthClient};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::relying_party::Provider;
use crate::support::{REDIRECT, SigningKey, Site, VERIFIER, header, request, response_of, sha256};

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
