//! `POST /oauth2/register` (RFC 7591).

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{
    AuthOptions, REDIRECT, REGISTRATION_TOKEN, SIGNED_OUT, SigningKey, Site, VERIFIER, claims_of,
    header, response_of,
};

impl Site {
    async fn with_registration() -> Self {
        let options = AuthOptions {
            client_registration: true,
            ..AuthOptions::default()
        };
        let site = Self::start_for(options, |_| ()).await;
        site.add_user("ada").await;
        site
    }

    async fn register(&self, token: &str, metadata: &Value) -> Response {
        let request = self.request(Method::POST, "/oauth2/register");
        let request = request.bearer_auth(token).json(metadata);
        request.send().await.unwrap()
    }

    async fn registered(&self, metadata: &Value) -> Value {
        let response = self.register(REGISTRATION_TOKEN, metadata).await;
        let status = response.status();
        let registered: Value = response.json().await.unwrap();
        assert_eq!(status, 201, "{registered}");
        registered
    }

    /// Signs `ada` in to a registered client, with consent; returns the tokens.
    async fn sign_in_to(&self, client: &Value) -> Value {
        let id = client["client_id"].as_str().unwrap();
        let secret = client["client_secret"].as_str().unwrap();
        let cookie = self.sign_in("ada").await;
        let asked = self.authorize(&cookie, &[("client_id", id)]).await;
        let page = asked.text().await.unwrap();
        assert!(page.contains("Order desk"), "{page}");
        let allowed = self.decide(&cookie, &page, "allow").await;
        let target = crate::support::refresh_target(&allowed.text().await.unwrap());
        let code = response_of(&target)["code"].clone();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let request = self.request(Method::POST, "/oauth2/token").form(&form);
        let exchanged = request.basic_auth(id, Some(secret)).send().await.unwrap();
        assert_eq!(exchanged.status(), 200);
        exchanged.json().await.unwrap()
    }
}

#[tokio::test]
async fn registered_client_signs_people_in_with_consent() {
    let site = Site::with_registration().await;
    let metadata = json!({
        "redirect_uris": [REDIRECT],
        "client_name": "Order desk",
        "grant_types": ["authorization_code", "refresh_token"],
        "post_logout_redirect_uris": [SIGNED_OUT],
        "id_token_signed_response_alg": "ES256",
        "software_id": "ignored",
    });
    let client = site.registered(&metadata).await;
    assert_eq!(client["client_secret_expires_at"], 0);
    assert!(client["client_id_issued_at"].is_i64(), "{client}");
    assert_eq!(client["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(client["response_types"], json!(["code"]));
    assert!(client["software_id"].is_null(), "{client}");
    for name in [
        "redirect_uris",
        "client_name",
        "id_token_signed_response_alg",
    ] {
        assert_eq!(client[name], metadata[name], "{name}");
    }

    site.sign_in_to(&client).await;
    let other = site.registered(&metadata).await;
    assert_ne!(other["client_id"], client["client_id"]);
}

#[tokio::test]
async fn pairwise_client_knows_accounts_and_logins_by_its_own_identifiers() {
    let site = Site::with_registration().await;
    let metadata = json!({
        "redirect_uris": [REDIRECT],
        "client_name": "Order desk",
        "subject_type": "pairwise",
    });
    let client = site.registered(&metadata).await;
    assert_eq!(client["subject_type"], "pairwise");
    let tokens = site.sign_in_to(&client).await;
    let id_token = claims_of(&tokens["id_token"]);

    let access_token = tokens["access_token"].as_str().unwrap();
    let request = site.request(Method::GET, "/oauth2/userinfo");
    let shown = request.bearer_auth(access_token).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["sub"], id_token["sub"]);

    let [id, secret] = ["client_id", "client_secret"].map(|name| client[name].as_str().unwrap());
    let request = site.request(Method::POST, "/oauth2/introspect");
    let request = request.form(&[("token", access_token)]);
    let introspected = request.basic_auth(id, Some(secret)).send().await.unwrap();
    let introspected: Value = introspected.json().await.unwrap();
    assert_eq!(introspected["active"], true, "{introspected}");
    assert_eq!(introspected["sub"], id_token["sub"]);

    let (own, _) = site.tokens("ada").await;
    let own = claims_of(&own.into());
    assert_ne!(own["sub"], id_token["sub"]);
    let devices = site.get("/api/logins", &site.sign_in("ada").await).await;
    let devices = devices.text().await.unwrap();
    assert!(
        !devices.contains(id_token["sid"].as_str().unwrap()),
        "{devices}"
    );
}

#[tokio::test]
async fn client_registers_without_secret_or_with_a_key() {
    let site = Site::with_registration().await;
    let public = json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"});
    let client = site.registered(&public).await;
    assert!(client["client_secret"].is_null() && client["client_secret_expires_at"].is_null());
    let key = json!({
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [SigningKey::generate().jwk()]},
        "dpop_bound_access_tokens": true,
        "require_pushed_authorization_requests": true,
    });
    let client = site.registered(&key).await;
    assert!(client["client_secret"].is_null(), "{client}");
    assert_eq!(client["jwks"], key["jwks"]);
    let id = client["client_id"].as_str().unwrap();
    let cookie = site.sign_in("ada").await;
    let refused = site.authorize(&cookie, &[("client_id", id)]).await;
    let location = header(&refused, "location");
    assert_eq!(
        response_of(location)["error"],
        "invalid_request",
        "it has to push"
    );
}

#[tokio::test]
async fn registration_needs_the_initial_access_token() {
    let site = Site::with_registration().await;
    let metadata = json!({"redirect_uris": [REDIRECT]});
    for token in ["", "x", &REGISTRATION_TOKEN.to_lowercase()] {
        let refused = site.register(token, &metadata).await;
        assert_eq!(refused.status(), 401, "{token}");
        let challenge = header(&refused, "www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        let error: Value = refused.json().await.unwrap();
        assert_eq!(error["error"], "invalid_token");
    }
    let request = site.request(Method::POST, "/oauth2/register");
    let missing = request.json(&metadata).send().await.unwrap();
    assert_eq!(missing.status(), 401);
}

#[tokio::test]
async fn nobody_registers_where_no_initial_access_token_is_set() {
    let site = Site::with_user("ada").await;
    let metadata = json!({"redirect_uris": [REDIRECT]});
    for token in ["", "x", REGISTRATION_TOKEN] {
        let refused = site.register(token, &metadata).await;
        assert_eq!(refused.status(), 401, "{token}");
    }
    let endpoint = async |site: &Site| {
        let path = "/.well-known/openid-configuration";
        let metadata: Value = site.get(path, "").await.json().await.unwrap();
        metadata["registration_endpoint"].clone()
    };
    assert!(endpoint(&site).await.is_null());
    let open = Site::with_registration().await;
    let url = format!("{}/oauth2/register", open.origin);
    assert_eq!(endpoint(&open).await, url);
}

/// The error of a registration that is valid but for this member.
async fn error_of(site: &Site, name: &str, value: &Value) -> String {
    let mut metadata = json!({"redirect_uris": [REDIRECT]});
    metadata[name] = value.clone();
    let refused = site.register(REGISTRATION_TOKEN, &metadata).await;
    assert_eq!(refused.status(), 400, "{metadata}");
    let body: Value = refused.json().await.unwrap();
    body["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn invalid_redirect_uris_are_refused_with_their_error() {
    let site = Site::with_registration().await;
    for uris in [
        json!([]),
        json!(["http://shop.example/"]),
        json!(["https://shop.example/#a"]),
        json!([REDIRECT, "javascript:alert(1)"]),
    ] {
        let error = error_of(&site, "redirect_uris", &uris).await;
        assert_eq!(error, "invalid_redirect_uri", "{uris}");
    }
}

#[tokio::test]
async fn unsupported_metadata_are_refused_with_their_error() {
    let site = Site::with_registration().await;
    for (name, value) in [
        ("redirect_uris", Value::Null),
        ("redirect_uris", json!(REDIRECT)),
        ("client_name", json!("a\u{202e}b")),
        ("grant_types", json!(["implicit"])),
        ("grant_types", json!(["client_credentials"])),
        ("response_types", json!(["token"])),
        ("subject_type", json!("persistent")),
        ("sector_identifier_uri", json!("https://shop.example/")),
        ("token_endpoint_auth_method", json!("tls_client_auth")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("jwks", json!({"keys": [{"kty": "oct", "k": "AAAA"}]})),
        ("id_token_signed_response_alg", json!("none")),
        ("id_token_signed_response_alg", json!("RS256")),
        ("backchannel_logout_uri", json!("http://shop.example/")),
    ] {
        let error = error_of(&site, name, &value).await;
        assert_eq!(error, "invalid_client_metadata", "{name}: {value}");
    }
}
