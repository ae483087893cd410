//! OAuth clients that receive events in their own name.

use aws_lc_rs::digest;
use holdfast_identity::oauth::{ClientAuthMethod, GrantType, OauthClient};
use serde_json::Value;

use super::Site;

/// The secret of each receiver.
pub(crate) const RECEIVER_SECRET: &str = "a secret of the client";

impl Site {
    /// Registers an OAuth client that gets tokens in its own name.
    pub(crate) async fn add_receiver(&self, id: &str, scopes: &str) {
        let hash = digest::digest(&digest::SHA256, RECEIVER_SECRET.as_bytes());
        let hash = hash.as_ref().try_into().unwrap();
        self.add_shop(|client| {
            *client = OauthClient {
                id: id.parse().unwrap(),
                auth_method: ClientAuthMethod::Secret(hash),
                grant_types: vec![GrantType::ClientCredentials],
                scopes: scopes.parse().unwrap(),
                audiences: vec!["https://api.example".to_owned()],
                relying_party: None,
                ..client.clone()
            };
        })
        .await;
    }

    /// An access token of an OAuth client's own.
    pub(crate) async fn token_of(&self, client: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", RECEIVER_SECRET),
        ];
        let tokens = self.oauth("/oauth2/token", &form).await;
        let tokens: Value = tokens.json().await.unwrap();
        let token = tokens["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{tokens}")).to_owned()
    }

    /// Signs a session out.
    pub(crate) async fn end_session(&self, cookie: &str) {
        let token = self.page_token("/dashboard", cookie).await;
        assert_eq!(self.sign_out(cookie, &token).await.status(), 303);
    }
}
