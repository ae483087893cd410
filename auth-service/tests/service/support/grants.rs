//! Grants of OAuth clients beside the one that a login begins with.

use holdfast_core::clock::Clock as _;
use holdfast_crypto::{random::SystemRandom, refresh_token::RefreshTokenKey, seal::Sealer};
use holdfast_identity::{
    id::GrantId,
    login::{ClientInfo, ClientKind, Generation, NewGrant},
    oauth::{ClientAuthMethod, GrantType, OauthClient},
    token::{RefreshHandle, RefreshTokenCodec as _},
};

use super::{TestService, config, minutes};

/// A grant to add to a login.
pub(crate) struct GrantOf<'a> {
    pub(crate) client: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) audience: Option<&'a str>,
}

impl TestService {
    /// Registers a public OAuth client in the store.
    pub(crate) async fn add_public_client(&self, id: &str) {
        let client = OauthClient {
            id: id.parse().unwrap(),
            auth_method: ClientAuthMethod::Public,
            scopes: "".parse().unwrap(),
            audiences: vec!["https://api.example".to_owned()],
            grant_types: vec![GrantType::RefreshToken],
            dpop_required: false,
            relying_party: None,
            protected: false,
            disabled: false,
            created_at: self.clock.now(),
        };
        assert!(
            self.store()
                .await
                .insert_client(&client, &[])
                .await
                .unwrap()
        );
    }

    /// Adds a grant to a login; returns its identifier and its first refresh token.
    pub(crate) async fn add_grant(&self, sid: &str, grant: GrantOf<'_>) -> (String, String) {
        let store = self.store().await;
        let (id, now) = (GrantId::random(&SystemRandom), self.clock.now());
        let new = NewGrant {
            id,
            sid: sid.parse().unwrap(),
            client: grant.client.parse().unwrap(),
            scopes: grant.scope.parse().unwrap(),
            audience: grant.audience.map(str::to_owned),
            key: None,
            source: ClientInfo {
                kind: ClientKind::Api,
                ip_address: None,
                user_agent: None,
                device: None,
            },
            tokens_until: Some(now + minutes(15)),
            created_at: now,
            consented: None,
            events: Vec::new(),
        };
        assert!(store.insert_grant(&new).await.unwrap());
        let sealer = Sealer::new(&config(self.directory.path()).key_encryption_key);
        let stored = store.secret_key_or("credentials", &[], now).await.unwrap();
        let key = RefreshTokenKey::new(&sealer.open("credentials", &stored).unwrap());
        let handle = RefreshHandle::RefreshToken(id, Generation::FIRST);
        (id.to_string(), key.encode(handle))
    }
}
