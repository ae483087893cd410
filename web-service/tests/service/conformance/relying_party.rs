//! The relying party of the plans: confidential, and without a question for consent.

use std::collections::HashMap;

use aws_lc_rs::digest;
use holdfast_identity::oauth::{ClientAuthMethod, OauthClient};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{AuthOptions, REDIRECT, Site, VERIFIER, claims_of, header, response_of};

/// The secret of the client.
pub(super) const SECRET: &str = "the secret of the relying party";

/// A provider with the account `ada`, a browser that is signed in to it, and the relying party `shop`.
pub(super) struct Provider {
    pub(super) site: Site,
    /// The session cookie of the browser.
    pub(super) cookie: String,
}

impl Provider {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(super) async fn start_with(adjust: impl FnOnce(&mut OauthClient)) -> Self {
        Self::start_for(AuthOptions::default(), adjust).await
    }

    /// A provider whose auth-service has these options, with an adjusted relying party.
    pub(super) async fn start_for(
        options: AuthOptions,
        adjust: impl FnOnce(&mut OauthClient),
    ) -> Self {
        let site = Site::start_for(options, |_| ()).await;
        site.add_user("ada").await;
        site.add_shop(|client| {
            let hash = digest::digest(&digest::SHA256, SECRET.as_bytes());
            client.auth_method = ClientAuthMethod::Secret(hash.as_ref().try_into().unwrap());
            client.relying_party.as_mut().unwrap().is_first_party = true;
            adjust(client);
        })
        .await;
        let cookie = site.sign_in("ada").await;
        Self { site, cookie }
    }

    /// The parameters of the response to a request with these changes.
    pub(super) async fn authorize(&self, changes: &[(&str, &str)]) -> HashMap<String, String> {
        let response = self.site.authorize(&self.cookie, changes).await;
        assert_eq!(response.status(), 303);
        let location = header(&response, "location");
        let destination = changes.iter().find(|(name, _)| *name == "redirect_uri");
        let destination = destination.map_or(REDIRECT, |(_, uri)| uri);
        assert!(location.starts_with(destination), "{location}");
        let parameters = response_of(location);
        assert_eq!(parameters["iss"], "https://id.example");
        parameters
    }

    /// The error of a request with these changes.
    pub(super) async fn error(&self, changes: &[(&str, &str)]) -> String {
        let mut response = self.authorize(changes).await;
        assert!(!response.contains_key("code"));
        response.remove("error").unwrap()
    }

    /// Exchanges a code, with the client's secret by `client_secret_basic`.
    pub(super) async fn exchange(&self, code: &str) -> Response {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    /// A request to the token endpoint.
    pub(super) async fn token(&self, form: &[(&str, &str)]) -> Response {
        let request = self.site.request(Method::POST, "/oauth2/token").form(form);
        let request = request.basic_auth("shop", Some(SECRET));
        request.send().await.unwrap()
    }

    /// The token response after a request with these changes.
    pub(super) async fn tokens(&self, changes: &[(&str, &str)]) -> Value {
        let code = self.authorize(changes).await.remove("code").unwrap();
        let response = self.exchange(&code).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "cache-control"), "no-store");
        response.json().await.unwrap()
    }

    /// The claims of the ID token after a request with these changes.
    pub(super) async fn id_token(&self, changes: &[(&str, &str)]) -> Value {
        claims_of(&self.tokens(changes).await["id_token"])
    }

    /// The claims of the userinfo endpoint.
    pub(super) async fn userinfo(&self, tokens: &Value) -> Value {
        let response = self.site.userinfo(tokens).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }
}

/// The `error` of a response of the token endpoint.
pub(super) async fn error_of(response: Response) -> String {
    assert!(response.status().is_client_error(), "{}", response.status());
    let error: Value = response.json().await.unwrap();
    error["error"].as_str().unwrap().to_owned()
}
