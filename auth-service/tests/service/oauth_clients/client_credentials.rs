//! Who a client is, and what it is granted.

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, DisableClientRequest,
    ListClientsRequest, RotateClientSecretRequest,
};
use tonic::Code;

use super::{World, with_secret};
use crate::support::{assert_refused, bearer, until};

#[tokio::test]
async fn client_token_has_no_login_and_granted_scopes_only() {
    let world = World::begin().await;
    let orders = world.client("orders").await;
    let issued = world.try_token(&orders, "orders:read").await.unwrap();
    assert_eq!(
        (issued.scope.as_str(), issued.refresh_token.as_str()),
        ("orders:read", "")
    );
    let claims = world
        .service
        .try_validate(&issued.access_token)
        .await
        .unwrap();
    assert_eq!(
        (claims.subject.as_str(), claims.client_id.as_str()),
        ("orders", "orders")
    );
    assert!(claims.sid.is_empty() && claims.username.is_empty() && claims.auth_time.is_none());
    let all = world.try_token(&orders, "").await.unwrap();
    assert_eq!(all.scope, "orders:read orders:write");

    for scope in ["orders:delete", "admin", "account", "profile"] {
        let refused = world.try_token(&orders, scope).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_SCOPE");
    }
    let account = world.service.account();
    let request = bearer(auth_proto::v1::GetAccountRequest {}, &issued.access_token);
    let refused = { account }.get_account(request).await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn unauthenticated_client_is_refused() {
    let world = World::begin().await;
    let orders = world.client("orders").await;
    let public = world
        .try_register("app", ClientProofKind::None, "")
        .await
        .unwrap();
    assert_eq!(public, "");
    for stranger in [
        with_secret("orders", "hfs_guessed"),
        with_secret("orders", ""),
        with_secret("nobody", "hfs_guessed"),
        with_secret("a b", "x"),
        ClientCredentials {
            proof: None,
            ..orders.clone()
        },
        ClientCredentials::default(),
    ] {
        let refused = world.try_token(&stranger, "").await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
        assert_refused(
            world.introspect(&stranger, "x").await,
            Code::Unauthenticated,
            "INVALID_CLIENT",
        );
    }
    for public in ["app", "first-party"] {
        let public = ClientCredentials {
            client_id: public.to_owned(),
            proof: None,
        };
        let refused = world.try_token(&public, "").await;
        assert_refused(refused, Code::PermissionDenied, "UNAUTHORIZED_CLIENT");
    }
}

#[tokio::test]
async fn secret_rotation_and_disabling_take_effect_at_once() {
    let world = World::begin().await;
    let old = world.client("orders").await;
    let token = world.try_token(&old, "").await.unwrap().access_token;
    let other = world.client("other").await;
    let others = world.try_token(&other, "").await.unwrap().access_token;
    let request = RotateClientSecretRequest {
        client_id: "orders".to_owned(),
    };
    let rotated = world
        .service
        .admin()
        .rotate_client_secret(bearer(request, &world.admin))
        .await;
    let new = with_secret("orders", &rotated.unwrap().into_inner().client_secret);
    assert_refused(
        world.try_token(&old, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    assert!(world.try_token(&new, "").await.is_ok());
    assert!(world.service.try_validate(&token).await.is_ok());

    let disable = |id: &str| {
        bearer(
            DisableClientRequest {
                client_id: id.to_owned(),
            },
            &world.admin,
        )
    };
    world
        .service
        .admin()
        .disable_client(disable("orders"))
        .await
        .unwrap();
    assert_refused(
        world.try_token(&new, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    assert_refused(
        world.service.try_validate(&token).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
    assert!(world.service.try_validate(&others).await.is_ok());
    let first_party = world
        .service
        .admin()
        .disable_client(disable("first-party"))
        .await;
    assert_refused(first_party, Code::InvalidArgument, "INVALID_REQUEST");
    let listed = world
        .service
        .admin()
        .list_clients(bearer(ListClientsRequest {}, &world.admin))
        .await;
    let listed = listed.unwrap().into_inner().clients;
    let names: Vec<_> = listed
        .iter()
        .map(|one| (one.client_id.as_str(), one.disabled))
        .collect();
    assert_eq!(
        names,
        [("first-party", false), ("orders", true), ("other", false)]
    );
}

#[tokio::test]
async fn taken_id_or_scope_of_people_is_refused() {
    let world = World::begin().await;
    world.client("orders").await;
    for taken in ["orders", "first-party"] {
        let refused = world.try_register(taken, ClientProofKind::Secret, "").await;
        assert_refused(refused, Code::AlreadyExists, "CLIENT_ID_TAKEN");
    }
    let request = CreateClientRequest {
        client_id: "evil".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        scope: "orders:read admin".to_owned(),
        ..Default::default()
    };
    let refused = world
        .service
        .admin()
        .create_client(bearer(request, &world.admin))
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    let refused = world
        .try_register(
            "k",
            ClientProofKind::Key,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
        )
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn client_events_are_recorded_without_secrets() {
    let world = World::begin().await;
    let orders = world.client("orders").await;
    world.try_token(&orders, "").await.unwrap();
    assert!(
        world
            .try_token(&with_secret("orders", "hfs_guessed"), "")
            .await
            .is_err()
    );
    let events = until("the trail", async || {
        let request = bearer(
            auth_proto::v1::ListAuditEventsRequest::default(),
            &world.admin,
        );
        let listed = world
            .service
            .admin()
            .list_audit_events(request)
            .await
            .unwrap();
        let events = listed.into_inner().events;
        (events
            .iter()
            .filter(|event| event.client_id == "orders")
            .count()
            == 3)
            .then_some(events)
    })
    .await;
    let kinds: Vec<_> = events
        .iter()
        .filter(|event| event.client_id == "orders")
        .map(|event| event.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["CLIENT_REFUSED", "CLIENT_TOKEN_ISSUED", "CLIENT_CREATED"]
    );
    assert!(!format!("{events:?}").contains("hfs_"));
}
