//! `CreateClient` with a back-channel logout URI.

use auth_proto::v1::{ClientProofKind, CreateClientRequest, ListClientsRequest, RelyingParty};
use tonic::{Code, Status};

use crate::support::{TestService, assert_refused, bearer};

async fn register(service: &TestService, admin: &str, uri: &str) -> Result<RelyingParty, Status> {
    let party = RelyingParty {
        name: "Order desk".to_owned(),
        redirect_uris: vec!["https://app.example/callback".to_owned()],
        backchannel_logout_uri: uri.to_owned(),
        ..Default::default()
    };
    let request = CreateClientRequest {
        client_id: "app".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        relying_party: Some(party),
        ..Default::default()
    };
    let created = service
        .admin()
        .create_client(bearer(request, admin))
        .await?;
    Ok(created.into_inner().client.unwrap().relying_party.unwrap())
}

#[tokio::test]
async fn uri_is_registered_and_listed() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let uri = "https://app.example/logout?tenant=1";
    let party = register(&service, &admin, uri).await.unwrap();
    assert_eq!(party.backchannel_logout_uri, uri);
    let request = bearer(ListClientsRequest {}, &admin);
    let listed = service.admin().list_clients(request).await.unwrap();
    let clients = listed.into_inner().clients.into_iter();
    let parties: Vec<_> = clients.filter_map(|client| client.relying_party).collect();
    assert_eq!(parties, [party]);
}

#[tokio::test]
async fn invalid_uri_is_refused() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    for uri in [
        "http://app.example/logout",
        "https://app.example/#fragment",
        "https://user:secret@app.example/",
        "https://127.1/",
        "javascript:alert(1)",
        "/logout",
    ] {
        let refused = register(&service, &admin, uri).await;
        assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    }
}
