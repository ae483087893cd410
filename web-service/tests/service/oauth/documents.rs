//! OAuth clients whose `client_id` is the URL of their metadata (OAuth Client ID Metadata Document).

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::StatusCode, response::IntoResponse as _, routing::get};
use holdfast_core::clock::Clock as _;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    AuthOptions, SigningKey, Site, VERIFIER, claims_of, header, refresh_target, request,
    response_of,
};

const REDIRECT: &str = "http://127.0.0.1/callback";
const ALLOWED: AuthOptions = AuthOptions {
    client_documents: true,
    private_addresses: true,
    ..AuthOptions::NONE
};

/// A server that publishes a document.
struct Publisher {
    /// The `client_id`.
    url: String,
    /// Status and text of the response.
    answer: Arc<Mutex<(u16, String)>>,
    requests: Arc<Mutex<u32>>,
}

impl Publisher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/client.json", listener.local_addr().unwrap());
        let publisher = Self {
            url,
            answer: Arc::default(),
            requests: Arc::default(),
        };
        publisher.publish(&publisher.document(&json!({})));
        let (answer, requests) = (publisher.answer.clone(), publisher.requests.clone());
        let respond = async move || {
            *requests.lock().unwrap() += 1;
            let (status, text) = answer.lock().unwrap().clone();
            let status = StatusCode::from_u16(status).unwrap();
            let headers = [
                ("location", "/other.json"),
                ("content-type", "application/json"),
            ];
            (status, headers, text).into_response()
        };
        let routes = Router::new().route("/client.json", get(respond));
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        publisher
    }

    /// A document with changes; a member that is null is removed.
    fn document(&self, changes: &Value) -> Value {
        let mut document = json!({
            "client_id": self.url,
            "client_name": "Notes",
            "redirect_uris": [REDIRECT],
            "logo_uri": "https://notes.example/logo.png",
        });
        let members = document.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            members.insert(name.clone(), value.clone());
        }
        members.retain(|_, value| !value.is_null());
        document
    }

    fn publish(&self, document: &Value) {
        *self.answer.lock().unwrap() = (200, document.to_string());
    }

    fn requests(&self) -> u32 {
        *self.requests.lock().unwrap()
    }
}

impl Site {
    async fn with_documents() -> (Self, Publisher, String) {
        let site = Self::start_for(ALLOWED, |_| ()).await;
        site.add_user("ada").await;
        let cookie = site.sign_in("ada").await;
        (site, Publisher::start().await, cookie)
    }

    async fn ask_for(&self, cookie: &str, client: &str) -> Response {
        let changes = [("client_id", client), ("redirect_uri", REDIRECT)];
        self.authorize(cookie, &changes).await
    }

    /// Signs in to a client, and allows what it asks for; returns the code.
    async fn code_for(&self, cookie: &str, client: &str) -> String {
        let asked = self.ask_for(cookie, client).await;
        assert_eq!(asked.status(), 200);
        let page = asked.text().await.unwrap();
        let allowed = self.decide(cookie, &page, "allow").await;
        let target = refresh_target(&allowed.text().await.unwrap());
        response_of(&target).remove("code").unwrap()
    }

    async fn exchange_for(&self, code: &str, further: &[(&str, &str)]) -> Response {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.extend(further);
        self.oauth("/oauth2/token", &form).await
    }
}

async fn assert_refused(response: Response, why: &str) {
    assert_eq!(response.status(), 400, "{why}");
    let page = response.text().await.unwrap();
    assert!(page.contains(why), "{why}: {page}");
}

#[tokio::test]
async fn client_that_nobody_registered_signs_people_in() {
    let (site, publisher, cookie) = Site::with_documents().await;
    let metadata = site.get("/.well-known/openid-configuration", "").await;
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    let client = &*publisher.url;
    let page = site.ask_for(&cookie, client).await.text().await.unwrap();
    let host = client.split('/').nth(2).unwrap();
    for text in ["Notes asks for access", &format!("<strong>{host}</strong>")] {
        assert!(page.contains(text), "{text}: {page}");
    }

    let code = site.code_for(&cookie, client).await;
    let exchanged = site.exchange_for(&code, &[("client_id", client)]).await;
    assert_eq!(exchanged.status(), 200);
    let tokens: Value = exchanged.json().await.unwrap();
    assert_eq!(claims_of(&tokens["id_token"])["aud"], client);
    assert_eq!(claims_of(&tokens["access_token"])["client_id"], client);
    assert_eq!(site.userinfo(&tokens).await.status(), 200);
    let applications = site.get("/api/applications", &cookie).await;
    let applications: Value = applications.json().await.unwrap();
    assert_eq!(
        applications["applications"][0]["name"], "Notes",
        "{applications}"
    );

    assert_eq!(publisher.requests(), 1);
}

#[tokio::test]
async fn application_of_a_document_is_ended_by_its_owner() {
    let (site, publisher, cookie) = Site::with_documents().await;
    let code = site.code_for(&cookie, &publisher.url).await;
    let client = [("client_id", &*publisher.url)];
    let tokens = site.exchange_for(&code, &client).await;
    assert_eq!(tokens.status(), 200);
    let page = site.get("/account/applications", &cookie).await;
    let page = page.text().await.unwrap();
    let action = page
        .split("action=\"")
        .find(|part| part.starts_with("/account/applications/"));
    let action = action.unwrap().split('"').next().unwrap();
    let token = crate::support::form_token(&page);
    let ended = site
        .post_form(action, &cookie, &[("csrf_token", &token)])
        .await;
    assert_eq!(ended.status(), 303);
    let asked = site.ask_for(&cookie, &publisher.url).await;
    assert_eq!(asked.status(), 200);
}

#[tokio::test]
async fn document_is_read_again_after_five_minutes() {
    let (site, publisher, cookie) = Site::with_documents().await;
    let client = [("client_id", &*publisher.url)];
    let code = site.code_for(&cookie, &publisher.url).await;
    assert_eq!(site.exchange_for(&code, &client).await.status(), 200);

    let key = SigningKey::generate();
    let changed = publisher.document(&json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.jwk()]},
    }));
    publisher.publish(&changed);
    site.clock.advance(Duration::from_mins(4));
    site.ask_for(&cookie, &publisher.url).await;
    assert_eq!(publisher.requests(), 1);
    site.clock.advance(Duration::from_mins(2));
    let asked = site.ask_for(&cookie, &publisher.url).await;
    assert_eq!(publisher.requests(), 2);
    let code = response_of(header(&asked, "location"))
        .remove("code")
        .unwrap();
    let public = site.exchange_for(&code, &client).await;
    assert_eq!(public.status(), 401);
    let now = site.clock.now().unix_timestamp();
    let assertion = key.assertion(&publisher.url, "https://id.example", now, &json!({}));
    let form = [
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &*assertion),
    ];
    assert_eq!(site.exchange_for(&code, &form).await.status(), 200);
}

#[tokio::test]
async fn document_that_is_not_there_keeps_nobody_from_the_rest() {
    let (site, publisher, cookie) = Site::with_documents().await;
    let client = [("client_id", &*publisher.url)];
    let code = site.code_for(&cookie, &publisher.url).await;
    let tokens: Value = site
        .exchange_for(&code, &client)
        .await
        .json()
        .await
        .unwrap();
    for status in [302, 404] {
        publisher.answer.lock().unwrap().0 = status;
        site.clock.advance(Duration::from_mins(6));
        let refused = site.ask_for(&cookie, &publisher.url).await;
        assert_refused(refused, "cannot be read").await;
        assert_eq!(site.userinfo(&tokens).await.status(), 200);
    }
}

/// Changes that make a document unusable, and what the page then says.
fn unusable() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({"client_id": "https://other.example/client.json"}),
            "client_id",
        ),
        (json!({"client_id": null}), "client_id"),
        (json!({"redirect_uris": null}), "redirect_uris"),
        (json!({"redirect_uris": []}), "redirect_uris"),
        (
            json!({"redirect_uris": ["https://other.example/callback"]}),
            "origin of the document",
        ),
        (
            json!({"redirect_uris": ["com.example.app:/callback"]}),
            "origin of the document",
        ),
        (
            json!({"redirect_uris": [REDIRECT, "javascript:alert(1)"]}),
            "redirect URI",
        ),
        (
            json!({"post_logout_redirect_uris": ["https://other.example/"]}),
            "origin of the document",
        ),
        (
            json!({"backchannel_logout_uri": "https://other.example/logout"}),
            "origin of the document",
        ),
        (json!({"client_secret": "secret"}), "client secret"),
        (
            json!({"token_endpoint_auth_method": "client_secret_basic"}),
            "token_endpoint_auth_method",
        ),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt"}),
            "jwks",
        ),
        (
            json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{}]}}),
            "jwk",
        ),
        (json!({"response_types": ["token"]}), "response_types"),
        (
            json!({"grant_types": ["client_credentials"]}),
            "grant_types",
        ),
        (
            json!({"id_token_signed_response_alg": "none"}),
            "id_token_signed_response_alg:",
        ),
        (json!({"subject_type": "hidden"}), "subject_type"),
        (json!({"client_name": "a\nb"}), "client_name"),
    ]
}

#[tokio::test]
async fn document_that_cannot_be_used_is_refused() {
    let (site, publisher, cookie) = Site::with_documents().await;
    for (changes, why) in unusable() {
        publisher.publish(&publisher.document(&changes));
        let refused = site.ask_for(&cookie, &publisher.url).await;
        assert_refused(refused, why).await;
        site.clock.advance(Duration::from_mins(1));
    }
    *publisher.answer.lock().unwrap() = (200, "x".repeat(17 << 10));
    assert_refused(site.ask_for(&cookie, &publisher.url).await, "too long").await;
}

#[tokio::test]
async fn request_of_a_client_with_a_document_is_pushed() {
    let (site, publisher, cookie) = Site::with_documents().await;
    let changes = [("client_id", &*publisher.url), ("redirect_uri", REDIRECT)];
    let pushed = site.oauth("/oauth2/par", &request(&changes)).await;
    assert_eq!(pushed.status(), 201);
    let pushed: Value = pushed.json().await.unwrap();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &publisher.url)
        .append_pair("request_uri", pushed["request_uri"].as_str().unwrap())
        .finish();
    let asked = site
        .get(&format!("/oauth2/authorize?{query}"), &cookie)
        .await;
    assert_eq!(asked.status(), 200);

    publisher.answer.lock().unwrap().0 = 404;
    site.clock.advance(Duration::from_mins(6));
    let refused = site.oauth("/oauth2/par", &request(&changes)).await;
    assert_eq!(refused.status(), 400);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["error"], "invalid_client");
}

#[tokio::test]
async fn client_that_was_disabled_stays_disabled() {
    let (site, publisher, cookie) = Site::with_documents().await;
    site.code_for(&cookie, &publisher.url).await;
    site.disable_client(&publisher.url).await;
    let refused = site.ask_for(&cookie, &publisher.url).await;
    assert_refused(refused, "The application is unknown").await;
}

#[tokio::test]
async fn eleventh_document_of_a_host_in_a_minute_is_not_requested() {
    let (site, publisher, cookie) = Site::with_documents().await;
    site.ask_for(&cookie, &publisher.url).await;
    for number in 0..10 {
        let other = format!("{}?{number}", publisher.url);
        let refused = site.ask_for(&cookie, &other).await;
        let why = if number < 9 { "client_id" } else { "too many" };
        assert_refused(refused, why).await;
    }
    assert_eq!(publisher.requests(), 10);
    let known = site.ask_for(&cookie, &publisher.url).await;
    assert_eq!(known.status(), 200);
}

#[tokio::test]
async fn twenty_first_client_of_an_account_in_an_hour_is_not_stored() {
    let (site, publisher, cookie) = Site::with_documents().await;
    for number in 0..21 {
        if number % 9 == 0 {
            site.clock.advance(Duration::from_mins(1));
        }
        let url = format!("{}?{number}", publisher.url);
        publisher.publish(&publisher.document(&json!({"client_id": url})));
        let asked = site.ask_for(&cookie, &url).await.text().await.unwrap();
        let allowed = site.decide(&cookie, &asked, "allow").await;
        let expected = if number < 20 { 200 } else { 429 };
        assert_eq!(allowed.status(), expected, "{number}");
    }
}

#[tokio::test]
async fn documents_are_off_by_default_and_of_public_addresses() {
    let publisher = Publisher::start().await;
    for (options, why) in [
        (AuthOptions::NONE, "The application is unknown"),
        (
            AuthOptions {
                private_addresses: false,
                ..ALLOWED
            },
            "its server cannot be reached",
        ),
    ] {
        let site = Site::start_for(options, |_| ()).await;
        assert_refused(site.ask_for("", &publisher.url).await, why).await;
    }
    assert_eq!(publisher.requests(), 0);
}
