//! Grants of OAuth clients beside the one that a login begins with.

use holdfast_core::clock::Clock as _;
use holdfast_crypto::random::SystemRandom;
use holdfast_identity::{
    id::GrantId,
    login::{ClientInfo, ClientKind, NewGrant},
    oauth::{ClientAuthMethod, GrantType, OauthClient},
};

use super::Site;

impl Site {
    /// Registers a public OAuth client and gives it a grant of a login; returns the identifier of the grant.
    pub(crate) async fn add_grant(&self, sid: &str, client: &str) -> String {
        let database =
            auth_service::config::Database::Sqlite(self.directory.path().join("auth.db"));
        let store = auth_service::app::open_store(&database).await.unwrap();
        let (now, scopes) = (self.clock.now(), "profile");
        let client = OauthClient {
            id: client.parse().unwrap(),
            auth_method: ClientAuthMethod::Public,
            scopes: "".parse().unwrap(),
            audiences: vec!["https://api.example".to_owned()],
            grant_types: vec![GrantType::RefreshToken],
            dpop_required: false,
            relying_party: None,
            protected: false,
            disabled: false,
            created_at: now,
        };
        assert!(store.insert_client(&client, &[]).await.unwrap());
        let grant = NewGrant {
            id: GrantId::random(&SystemRandom),
            sid: sid.parse().unwrap(),
            client: client.id,
            scopes: scopes.parse().unwrap(),
            audience: None,
            key: None,
            source: ClientInfo {
                kind: ClientKind::Api,
                ip_address: None,
                user_agent: None,
                device: None,
            },
            tokens_until: Some(now),
            created_at: now,
            consented: None,
            events: Vec::new(),
        };
        assert!(store.insert_grant(&grant).await.unwrap());
        grant.id.to_string()
    }
}
