//! An application that people sign in to, and what browsers bring to it.

use std::{collections::HashMap, sync::Arc};

use holdfast_core::clock::Clock as _;
use holdfast_identity::{
    key::Algorithm,
    oauth::{ClientAuthMethod, GrantType, OauthClient, RelyingParty},
    store::{Change, Store},
};
use reqwest::{Method, Response};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{Site, form_token, header};

/// Where the application receives responses.
pub(crate) const REDIRECT: &str = "https://shop.example/callback";
/// Where it receives browsers after a sign-out.
pub(crate) const SIGNED_OUT: &str = "https://shop.example/signed-out";
/// The same of an application on a device.
pub(crate) const APP_REDIRECT: &str = "com.example.shop:/callback";
/// A code verifier, and its challenge (RFC 7636 appendix B).
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A valid request. A change with an empty value removes a parameter.
const REQUEST: [(&str, &str); 7] = [
    ("response_type", "code"),
    ("client_id", "shop"),
    ("redirect_uri", REDIRECT),
    ("scope", "openid profile"),
    ("state", "a state"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// The parameters of a request with changes.
pub(crate) fn request<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let kept = REQUEST.into_iter().filter(|(name, _)| !is_changed(name));
    let new = changes
        .iter()
        .copied()
        .filter(|(_, value)| !value.is_empty());
    kept.chain(new).collect()
}

/// The address of a request with changes.
pub(crate) fn authorize_path(changes: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(request(changes))
        .finish();
    format!("/oauth2/authorize?{query}")
}

impl Site {
    /// A site with an account, and the public application `shop`.
    pub(crate) async fn with_shop(name: &str) -> Self {
        let site = Self::with_user(name).await;
        site.add_shop(|_| ()).await;
        site
    }

    /// Registers the application `shop`.
    pub(crate) async fn add_shop(&self, adjust: impl FnOnce(&mut OauthClient)) {
        let uris = |uris: &[&str]| uris.iter().map(|uri| uri.parse().unwrap()).collect();
        let mut client = OauthClient {
            id: "shop".parse().unwrap(),
            auth_method: ClientAuthMethod::Public,
            scopes: "orders:read".parse().unwrap(),
            audiences: vec!["https://api.example".to_owned()],
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            dpop_required: false,
            relying_party: Some(RelyingParty {
                name: "The <Shop>".parse().unwrap(),
                redirect_uris: uris(&[REDIRECT, APP_REDIRECT]),
                post_logout_redirect_uris: uris(&[SIGNED_OUT]),
                id_token_algorithm: Algorithm::EdDsa,
                is_first_party: false,
                must_push: false,
                backchannel_logout_uri: None,
                sector: None,
            }),
            protected: false,
            disabled: false,
            created_at: self.clock.now(),
        };
        adjust(&mut client);
        let store = self.store().await;
        assert!(store.insert_client(&client, &[]).await.unwrap());
    }

    /// Disables an application.
    pub(crate) async fn disable_client(&self, id: &str) {
        let (store, now) = (self.store().await, self.clock.now());
        let disabled = store.disable_client(&id.parse().unwrap(), now, &[]).await;
        assert_eq!(disabled.unwrap(), Change::Applied);
    }

    async fn store(&self) -> Arc<dyn Store> {
        let database =
            auth_service::config::Database::Sqlite(self.directory.path().join("auth.db"));
        auth_service::app::open_store(&database).await.unwrap()
    }

    /// Brings a request, as a link on a page of the application does.
    pub(crate) async fn authorize(&self, cookie: &str, changes: &[(&str, &str)]) -> Response {
        self.get(&authorize_path(changes), cookie).await
    }

    /// Presses a button on the page that asks for consent.
    pub(crate) async fn decide(&self, cookie: &str, page: &str, decision: &str) -> Response {
        let fields = [
            ("csrf_token", form_token(page)),
            ("flow", field_of(page, "flow")),
            ("decision", decision.to_owned()),
        ];
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        self.post_form("/oauth2/authorize/consent", cookie, &fields)
            .await
    }

    /// Signs in to the application with these scopes, and allows what it asks for; returns the code.
    pub(crate) async fn code(&self, cookie: &str, scope: &str) -> String {
        let asked = self.authorize(cookie, &[("scope", scope)]).await;
        if asked.status() == 303 {
            return response_of(header(&asked, "location"))
                .remove("code")
                .unwrap();
        }
        let page = asked.text().await.unwrap();
        let allowed = self.decide(cookie, &page, "allow").await;
        let target = refresh_target(&allowed.text().await.unwrap());
        response_of(&target).remove("code").unwrap()
    }

    /// Exchanges a code, as the application does.
    pub(crate) async fn exchange(&self, code: &str) -> Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_id", "shop"),
        ];
        self.oauth("/oauth2/token", &form).await
    }

    /// Signs in to the application and exchanges the code; returns the token response.
    pub(crate) async fn shop_tokens(&self, cookie: &str, scope: &str) -> Value {
        let exchanged = self.exchange(&self.code(cookie, scope).await).await;
        assert_eq!(exchanged.status(), 200);
        exchanged.json().await.unwrap()
    }

    /// Exchanges a refresh token of the application.
    pub(crate) async fn refresh_shop(&self, tokens: &Value) -> Response {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
            ("client_id", "shop"),
        ];
        self.oauth("/oauth2/token", &form).await
    }

    /// Reads the claims of the account with an access token.
    pub(crate) async fn userinfo(&self, tokens: &Value) -> Response {
        let request = self.request(Method::GET, "/oauth2/userinfo");
        let token = tokens["access_token"].as_str().unwrap();
        request.bearer_auth(token).send().await.unwrap()
    }

    /// Sends a form as a program does.
    pub(crate) async fn oauth(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.request(Method::POST, path);
        request.form(form).send().await.unwrap()
    }
}

/// The parameters in the query of an address.
pub(crate) fn response_of(address: &str) -> HashMap<String, String> {
    Url::parse(address)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect()
}

/// The address that a page goes on to by itself.
pub(crate) fn refresh_target(page: &str) -> String {
    let (_, rest) = page.split_once("content=\"0;url=").unwrap();
    unescaped(rest.split('"').next().unwrap())
}

/// The value of a hidden field.
pub(crate) fn field_of(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    unescaped(rest.split('"').next().unwrap())
}

fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&")
}

/// The claims of a JWT, whose signature is not verified.
pub(crate) fn claims_of(jwt: &Value) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = jwt.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}
