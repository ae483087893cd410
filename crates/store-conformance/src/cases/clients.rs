//! [`ClientStore`](holdfast_identity::store::ClientStore).

use std::time::Duration;

use holdfast_identity::{
    audit::AuditKind,
    id::GrantId,
    login::Generation,
    oauth::{ClientAuthMethod, ClientId, GrantType, OauthClient, RelyingParty},
    revocation::Revoked,
    store::Change,
};

use crate::fixture::{Fixture, NOW, event, oauth_client, relying_party};

pub(super) async fn client_is_stored_whole(fixture: Fixture) {
    let methods = [
        ClientAuthMethod::Public,
        ClientAuthMethod::Secret([5; 32]),
        ClientAuthMethod::Key(r#"{"kty":"OKP"}"#.to_owned()),
    ];
    let mut expected = Vec::new();
    for (index, auth_method) in methods.into_iter().enumerate() {
        let mut client = oauth_client(&format!("client-{index}"));
        client.auth_method = auth_method;
        client.grant_types = vec![GrantType::ClientCredentials];
        client.dpop_required = index == 1;
        client.relying_party = (index > 0).then(|| RelyingParty {
            must_push: index == 1,
            is_first_party: index == 2,
            backchannel_logout_uri: relying_party()
                .backchannel_logout_uri
                .filter(|_| index == 1),
            sector: (index == 1).then(|| "shop.example".parse().unwrap()),
            ..relying_party()
        });
        assert!(fixture.store.insert_client(&client, &[]).await.unwrap());
        let found = fixture.store.client(&client.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&client));
        expected.push(client);
    }
    let mut listed = fixture.store.clients().await.unwrap();
    listed.retain(|client| !client.protected);
    assert_eq!(listed, expected);
}

pub(super) async fn registration_is_replaced_unless_it_is_disabled_or_protected(fixture: Fixture) {
    let store = &fixture.store;
    let url = "https://app.example/client.json";
    let client = oauth_client(url);
    assert!(store.insert_client(&client, &[]).await.unwrap());
    let replaced = OauthClient {
        auth_method: ClientAuthMethod::Key(r#"{"kty":"OKP"}"#.to_owned()),
        grant_types: vec![GrantType::AuthorizationCode],
        dpop_required: true,
        relying_party: Some(relying_party()),
        created_at: NOW + Duration::from_secs(1),
        ..client.clone()
    };
    store.replace_client(&replaced).await.unwrap();
    let expected = OauthClient {
        created_at: client.created_at,
        ..replaced
    };
    assert_eq!(
        store.client(&client.id).await.unwrap(),
        Some(expected.clone())
    );

    store.disable_client(&client.id, NOW, &[]).await.unwrap();
    let first_party = store
        .client(&ClientId::first_party())
        .await
        .unwrap()
        .unwrap();
    for id in [client.id.clone(), first_party.id.clone()] {
        let other = OauthClient {
            id,
            ..oauth_client("other")
        };
        store.replace_client(&other).await.unwrap();
    }
    let expected = OauthClient {
        disabled: true,
        ..expected
    };
    assert_eq!(store.client(&client.id).await.unwrap(), Some(expected));
    let found = store.client(&first_party.id).await.unwrap();
    assert_eq!(found, Some(first_party));
    // Of one that is not stored nothing is replaced.
    store
        .replace_client(&oauth_client("unknown"))
        .await
        .unwrap();
    let unknown = store.client(&"unknown".parse().unwrap()).await.unwrap();
    assert_eq!(unknown, None);
}

pub(super) async fn client_id_is_taken_once(fixture: Fixture) {
    let events = [event(AuditKind::ClientCreated)];
    for expected in [true, false] {
        let client = oauth_client("shop");
        let inserted = fixture.store.insert_client(&client, &events).await;
        assert_eq!(inserted.unwrap(), expected);
    }
    assert_eq!(fixture.count(AuditKind::ClientCreated).await, 1);
    let unknown = "unknown".parse().unwrap();
    assert!(fixture.store.client(&unknown).await.unwrap().is_none());
}

pub(super) async fn disabling_ends_grants_and_appends_the_client(fixture: Fixture) {
    let (_, sid) = fixture.signed_in().await;
    let grant = fixture.grant_of_shop(sid).await;
    let shop: ClientId = "shop".parse().unwrap();
    let events = [event(AuditKind::ClientDisabled)];
    let change = fixture.store.disable_client(&shop, NOW, &events).await;
    assert_eq!(change.unwrap(), Change::Applied);
    let revoked = fixture.revoked().await;
    assert_eq!(revoked, [Revoked::Client("shop".to_owned())]);
    assert!(fixture.store.client(&shop).await.unwrap().unwrap().disabled);
    assert!(!fixture.advance(grant, Generation::FIRST).await);
    assert!(fixture.is_live(sid).await);
    assert!(
        fixture
            .advance(GrantId::first_of(sid), Generation::FIRST)
            .await
    );
    assert_eq!(fixture.count(AuditKind::ClientDisabled).await, 1);
}

pub(super) async fn second_disabling_of_client_changes_nothing(fixture: Fixture) {
    let client = oauth_client("shop");
    fixture.store.insert_client(&client, &[]).await.unwrap();
    let unknown = "unknown".parse().unwrap();
    let events = [event(AuditKind::ClientDisabled)];
    for (id, expected) in [
        (&client.id, Change::Applied),
        (&client.id, Change::AlreadyApplied),
        (&unknown, Change::NotFound),
    ] {
        let change = fixture.store.disable_client(id, NOW, &events).await;
        assert_eq!(change.unwrap(), expected);
    }
    assert_eq!(fixture.revoked().await.len(), 1);
    assert_eq!(fixture.count(AuditKind::ClientDisabled).await, 1);
}

pub(super) async fn secret_of_unknown_client_is_not_set(fixture: Fixture) {
    let mut client = oauth_client("shop");
    client.auth_method = ClientAuthMethod::Secret([1; 32]);
    fixture.store.insert_client(&client, &[]).await.unwrap();
    let unknown = "unknown".parse().unwrap();
    let events = [event(AuditKind::ClientSecretRotated)];
    for (id, expected) in [(&unknown, false), (&client.id, true)] {
        let set = fixture.store.set_client_secret(id, &[2; 32], &events);
        assert_eq!(set.await.unwrap(), expected);
    }
    let found = fixture.store.client(&client.id).await.unwrap().unwrap();
    assert_eq!(found.auth_method, ClientAuthMethod::Secret([2; 32]));
    assert_eq!(fixture.count(AuditKind::ClientSecretRotated).await, 1);
}

pub(super) async fn client_of_sign_ins_is_protected(fixture: Fixture) {
    let found = fixture
        .store
        .client(&ClientId::first_party())
        .await
        .unwrap();
    let client = found.unwrap();
    assert!(client.protected && !client.disabled && !client.is_confidential());
}

pub(super) async fn protected_client_is_not_disabled(fixture: Fixture) {
    let id = ClientId::first_party();
    let change = fixture.store.disable_client(&id, NOW, &[]).await;
    assert_ne!(change.unwrap(), Change::Applied);
    let client = fixture.store.client(&id).await.unwrap().unwrap();
    assert!(!client.disabled);
    assert!(fixture.log().await.is_empty());
}
