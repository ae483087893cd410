//! `AdminService/CreateClient`: identifiers, scopes and audiences of an OAuth client.

use auth_proto::v1::{ClientProofKind, CreateClientRequest};
use tonic::Code;

use super::Fixture;
use crate::support::{TestService, assert_refused, bearer};

#[tokio::test]
async fn taken_id_or_scope_of_people_is_refused() {
    let fixture = Fixture::start().await;
    fixture.client("orders").await;
    for taken in ["orders", "first-party"] {
        let refused = fixture
            .try_register(taken, ClientProofKind::Secret, "")
            .await;
        assert_refused(refused, Code::AlreadyExists, "CLIENT_ID_TAKEN");
    }
    let request = CreateClientRequest {
        client_id: "evil".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        scope: "orders:read admin".to_owned(),
        ..Default::default()
    };
    let refused = fixture
        .service
        .admin()
        .create_client(bearer(request, &fixture.admin))
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    let refused = fixture
        .try_register(
            "k",
            ClientProofKind::Key,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
        )
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn audience_with_blank_is_refused() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    for audience in ["", " ", "https://a.example https://b.example", "a\n", "a\0"] {
        let request = CreateClientRequest {
            client_id: "orders".to_owned(),
            proof_kind: ClientProofKind::Secret.into(),
            audiences: vec![audience.to_owned()],
            ..Default::default()
        };
        let refused = service.admin().create_client(bearer(request, &admin)).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    }
}
