//! What the cases, and further tests of a driver, work with: a store, and values to store.
#![expect(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "values of tests, which are used and valid"
)]

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use holdfast_core::random::Random;
use holdfast_identity::{
    account::{Account, AuthenticationVersion, CredentialKind, PasswordHash, User},
    audit::{AuditEvent, AuditKind, AuditQuery, AuditRecord, RequestSource},
    authentication::{Factor, KeyedHash, KnownLocations},
    id::{GrantId, Jti, Sid, UserId},
    key::{Algorithm, PublicKey, StoredSigningKey},
    login::{ClientInfo, ClientKind, EndReason, Generation, NewGrant, NewLogin, Rotation},
    oauth::{ClientAuthMethod, ClientId, OauthClient, RelyingParty},
    revocation::{Revocation, Revoked},
    store::Store,
};
use time::OffsetDateTime;

use crate::Subject;

/// The time of a case.
pub const NOW: OffsetDateTime = time::macros::datetime!(2027-01-01 12:00 UTC);
/// Lifetime of a login.
pub const LOGIN_TTL: Duration = Duration::from_hours(24);
/// Lifetime of an access token.
pub const EPHEMERAL: Duration = Duration::from_mins(15);

/// Random bytes of the hash seeds of the standard library; nothing in a test is secret.
pub struct TestRandom;

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = RandomState::new().build_hasher().finish().to_be_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// A store for one case.
pub(crate) struct Fixture {
    pub(crate) subject: Arc<dyn Subject>,
    pub(crate) store: Arc<dyn Store>,
}

/// An event of this kind, about nobody.
pub fn event(kind: AuditKind) -> AuditEvent {
    AuditEvent {
        at: NOW,
        kind,
        user: None,
        sid: None,
        client: None,
        actor: None,
        source: RequestSource::default(),
    }
}

/// A program at `192.0.2.1`.
pub fn program() -> ClientInfo {
    ClientInfo {
        kind: ClientKind::Api,
        ip_address: "192.0.2.1".parse().ok(),
        user_agent: Some("program/1".to_owned()),
        device: None,
    }
}

/// A login of `account` that is about to start, without locations.
pub fn new_login(account: &Account) -> NewLogin {
    NewLogin {
        sid: Sid::random(&TestRandom),
        user_id: account.user.id,
        authentication_version: account.authentication_version,
        client: program(),
        known_locations: KnownLocations::default(),
        factors: Factor::Password.into(),
        created_at: NOW,
        expires_at: NOW + LOGIN_TTL,
        events: vec![event(AuditKind::SignedIn)],
        surplus_event: event(AuditKind::SurplusEnded),
    }
}

/// The grant that a login begins with.
pub fn new_grant(sid: Sid) -> NewGrant {
    NewGrant {
        id: GrantId::first_of(sid),
        sid,
        client: ClientId::first_party(),
        scopes: "profile account".parse().unwrap(),
        audience: None,
        key: None,
        source: program(),
        tokens_until: Some(NOW + EPHEMERAL),
        created_at: NOW,
        consented: None,
        events: Vec::new(),
    }
}

/// A public OAuth client.
pub fn oauth_client(id: &str) -> OauthClient {
    OauthClient {
        id: id.parse().unwrap(),
        auth_method: ClientAuthMethod::Public,
        scopes: "orders:read".parse().unwrap(),
        audiences: vec![
            "https://a.example".to_owned(),
            "https://b.example".to_owned(),
        ],
        grant_types: Vec::new(),
        dpop_required: false,
        relying_party: None,
        protected: false,
        disabled: false,
        created_at: NOW,
    }
}

/// What people sign in to an OAuth client with.
pub fn relying_party() -> RelyingParty {
    RelyingParty {
        name: "Order desk".parse().unwrap(),
        redirect_uris: vec![
            "https://shop.example/callback".parse().unwrap(),
            "com.example.shop:/callback".parse().unwrap(),
        ],
        post_logout_redirect_uris: vec!["https://shop.example/bye".parse().unwrap()],
        id_token_algorithm: Algorithm::Es256,
        is_first_party: false,
        must_push: false,
        backchannel_logout_uri: Some("https://shop.example/logout".parse().unwrap()),
        sector: None,
    }
}

/// A signing key that signs from `signs_from`.
pub fn signing_key(kid: &str, signs_from: OffsetDateTime) -> StoredSigningKey {
    StoredSigningKey {
        kid: kid.to_owned(),
        public_key: PublicKey::Ed25519 { x: [7; 32] },
        sealed_private_key: vec![1, 2, 3],
        created_at: NOW,
        signs_from,
    }
}

/// The locations of a device and an address with these hashes.
pub fn locations(device: Option<u8>, address: Option<u8>) -> KnownLocations {
    let hash = |byte| KeyedHash([byte; 16]);
    KnownLocations {
        device: device.map(hash),
        address: address.map(hash),
    }
}

impl Fixture {
    /// Opens the store of `subject`.
    pub(crate) async fn new(subject: Arc<dyn Subject>) -> Self {
        Self {
            store: subject.open().await,
            subject,
        }
    }

    /// Inserts an account with the authentication version 1.
    pub(crate) async fn account(&self, name: &str) -> Account {
        let account = new_account(name);
        assert!(self.store.insert_user(&account, &[]).await.unwrap());
        account
    }

    /// Starts a login of `account` without a grant.
    pub(crate) async fn ticket(&self, account: &Account) -> Sid {
        let login = new_login(account);
        assert!(self.store.insert_login(&login).await.unwrap().is_some());
        login.sid
    }

    /// Starts a login of `account` with its first grant.
    pub(crate) async fn login(&self, account: &Account) -> Sid {
        let sid = self.ticket(account).await;
        assert!(self.store.insert_grant(&new_grant(sid)).await.unwrap());
        sid
    }

    /// An account `ada` with a login and its first grant.
    pub(crate) async fn signed_in(&self) -> (Account, Sid) {
        let account = self.account("ada").await;
        let sid = self.login(&account).await;
        (account, sid)
    }

    /// Registers the public OAuth client `shop` and gives it a grant of the login.
    pub(crate) async fn grant_of_shop(&self, sid: Sid) -> GrantId {
        let client = oauth_client("shop");
        self.store.insert_client(&client, &[]).await.unwrap();
        let grant = NewGrant {
            id: GrantId::random(&TestRandom),
            client: client.id,
            ..new_grant(sid)
        };
        assert!(self.store.insert_grant(&grant).await.unwrap());
        grant.id
    }

    pub(crate) async fn is_live(&self, sid: Sid) -> bool {
        let found = self.store.login(sid).await.unwrap();
        found.is_some_and(|(login, _)| login.is_live(NOW))
    }

    pub(crate) async fn generation(&self, grant: GrantId) -> Generation {
        let found = self.store.grant(grant).await.unwrap();
        found.unwrap().0.generation
    }

    /// Advances a grant from `generation`.
    pub(crate) async fn advance(&self, grant: GrantId, generation: Generation) -> bool {
        advance(&*self.store, grant, generation).await
    }

    pub(crate) async fn end(&self, sid: Sid) -> bool {
        let events = [event(AuditKind::LoginEnded)];
        let ended = self
            .store
            .end_login(sid, EndReason::SignedOut, NOW, &events);
        ended.await.unwrap()
    }

    /// The number of stored events of a kind.
    pub(crate) async fn count(&self, kind: AuditKind) -> usize {
        self.events(kind).await.len()
    }

    /// The stored events of a kind, the newest first.
    pub(crate) async fn events(&self, kind: AuditKind) -> Vec<AuditRecord> {
        let query = AuditQuery {
            kind: Some(kind),
            limit: 10_000,
            ..AuditQuery::default()
        };
        self.store.events(&query).await.unwrap()
    }

    /// The whole revocation log.
    pub(crate) async fn log(&self) -> Vec<Revocation> {
        self.store
            .revocations_after(0, 100_000)
            .await
            .unwrap()
            .entries
    }

    /// What the revocation log contains, in order.
    pub(crate) async fn revoked(&self) -> Vec<Revoked> {
        let log = self.log().await;
        log.into_iter().map(|entry| entry.revoked).collect()
    }

    pub(crate) async fn revoke_token(&self) -> Jti {
        let jti = Jti::random(&TestRandom);
        let revoked = self.store.revoke_token(jti, NOW + EPHEMERAL, &[]);
        assert!(revoked.await.unwrap());
        jti
    }
}

/// An account with the authentication version 1.
pub fn new_account(name: &str) -> Account {
    Account {
        user: User {
            id: UserId::random(&TestRandom),
            username: name.parse().unwrap(),
            admin: false,
            disabled: false,
            second_factor_required: false,
            created_at: NOW,
            password_changed_at: Some(NOW),
        },
        password_hash: Some(PasswordHash::from_phc("first".to_owned())),
        credentials: [CredentialKind::Password].into_iter().collect(),
        authentication_version: AuthenticationVersion(1),
    }
}

/// Advances a grant from `generation`, with an event.
pub(crate) async fn advance(store: &dyn Store, grant: GrantId, generation: Generation) -> bool {
    let client = program();
    let rotation = Rotation {
        to: generation.next(),
        client: &client,
        tokens_until: NOW + EPHEMERAL,
    };
    let events = [event(AuditKind::Refreshed)];
    let advanced = store.advance((grant, generation), &rotation, NOW, &events);
    advanced.await.unwrap()
}
