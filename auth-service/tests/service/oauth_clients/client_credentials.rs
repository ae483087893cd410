//! `AuthService/IssueToken` with client credentials (RFC 6749 §4.4), and the administration of OAuth clients.

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, DisableClientRequest, ListClientsRequest,
    RotateClientSecretRequest,
};
use tonic::Code;

use super::{Fixture, with_secret};
use crate::support::{assert_refused, bearer, until};

#[tokio::test]
async fn client_token_has_no_login_and_granted_scopes_only() {
    let fixture = Fixture::start().await;
    let orders = fixture.client("orders").await;
    let issued = fixture.try_issue(&orders, "orders:read").await.unwrap();
    assert_eq!(
        (issued.scope.as_str(), issued.refresh_token.as_str()),
        ("orders:read", "")
    );
    let claims = fixture
        .service
        .try_validate(&issued.access_token)
        .await
        .unwrap();
    assert_eq!(
        (claims.subject.as_str(), claims.client_id.as_str()),
        ("orders", "orders")
    );
    assert!(claims.sid.is_empty() && claims.username.is_empty() && claims.auth_time.is_none());
    let all = fixture.try_issue(&orders, "").await.unwrap();
    assert_eq!(all.scope, "orders:read orders:write");

    for scope in ["orders:delete", "admin", "account", "profile"] {
        let refused = fixture.try_issue(&orders, scope).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_SCOPE");
    }
    let account = fixture.service.account();
    let request = bearer(auth_proto::v1::GetAccountRequest {}, &issued.access_token);
    let refused = { account }.get_account(request).await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn unauthenticated_client_is_refused() {
    let fixture = Fixture::start().await;
    let orders = fixture.client("orders").await;
    let public = fixture
        .try_register("app", ClientProofKind::None, "")
        .await
        .unwrap();
    assert_eq!(public, "");
    for unauthenticated in [
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
        let refused = fixture.try_issue(&unauthenticated, "").await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
        assert_refused(
            fixture.introspect(&unauthenticated, "x").await,
            Code::Unauthenticated,
            "INVALID_CLIENT",
        );
    }
    for public in ["app", "first-party"] {
        let public = ClientCredentials {
            client_id: public.to_owned(),
            proof: None,
        };
        let refused = fixture.try_issue(&public, "").await;
        assert_refused(refused, Code::PermissionDenied, "UNAUTHORIZED_CLIENT");
    }
}

#[tokio::test]
async fn rotated_secret_replaces_old_one() {
    let fixture = Fixture::start().await;
    let old = fixture.client("orders").await;
    let token = fixture.try_issue(&old, "").await.unwrap().access_token;
    let request = RotateClientSecretRequest {
        client_id: "orders".to_owned(),
    };
    let rotated = fixture
        .service
        .admin()
        .rotate_client_secret(bearer(request, &fixture.admin))
        .await;
    let new = with_secret("orders", &rotated.unwrap().into_inner().client_secret);
    assert_refused(
        fixture.try_issue(&old, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    assert!(fixture.try_issue(&new, "").await.is_ok());
    assert!(fixture.service.try_validate(&token).await.is_ok());
}

#[tokio::test]
async fn disabling_ends_tokens_of_that_client_only() {
    let fixture = Fixture::start().await;
    let orders = fixture.client("orders").await;
    let token = fixture.try_issue(&orders, "").await.unwrap().access_token;
    let other = fixture.client("other").await;
    let others = fixture.try_issue(&other, "").await.unwrap().access_token;
    let disable = async |id: &str| {
        let request = DisableClientRequest {
            client_id: id.to_owned(),
        };
        let request = bearer(request, &fixture.admin);
        fixture.service.admin().disable_client(request).await
    };
    disable("orders").await.unwrap();
    assert_refused(
        fixture.try_issue(&orders, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    assert_refused(
        fixture.service.try_validate(&token).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
    assert!(fixture.service.try_validate(&others).await.is_ok());
    let first_party = disable("first-party").await;
    assert_refused(first_party, Code::InvalidArgument, "INVALID_REQUEST");
    let listed = fixture
        .service
        .admin()
        .list_clients(bearer(ListClientsRequest {}, &fixture.admin))
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
async fn client_events_are_recorded_without_secrets() {
    let fixture = Fixture::start().await;
    let orders = fixture.client("orders").await;
    fixture.try_issue(&orders, "").await.unwrap();
    assert!(
        fixture
            .try_issue(&with_secret("orders", "hfs_guessed"), "")
            .await
            .is_err()
    );
    let events = until("the trail", async || {
        let request = bearer(
            auth_proto::v1::ListAuditEventsRequest::default(),
            &fixture.admin,
        );
        let listed = fixture
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
