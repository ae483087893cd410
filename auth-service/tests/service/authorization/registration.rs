//! `CreateClient` with a relying party.

use auth_proto::v1::{ClientProofKind, CreateClientRequest, ListClientsRequest, RelyingParty};
use tonic::Code;

use crate::support::{TestService, assert_refused, bearer};

fn party() -> RelyingParty {
    RelyingParty {
        name: "Order desk".to_owned(),
        redirect_uris: vec!["https://app.example/callback".to_owned()],
        ..Default::default()
    }
}

fn request(id: &str, party: RelyingParty) -> CreateClientRequest {
    CreateClientRequest {
        client_id: id.to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        relying_party: Some(party),
        ..Default::default()
    }
}

#[tokio::test]
async fn relying_party_is_registered_and_listed() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let admin = service.tokens("root", "admin").await.access_token;
    let full = RelyingParty {
        post_logout_redirect_uris: vec!["https://app.example/bye".to_owned()],
        id_token_algorithm: "ES256".to_owned(),
        first_party: true,
        push_required: true,
        pairwise_subjects: true,
        ..party()
    };
    for (id, stated, algorithm) in [("one", party(), "EdDSA"), ("two", full, "ES256")] {
        let request = bearer(request(id, stated.clone()), &admin);
        let created = service.admin().create_client(request).await;
        let created = created.unwrap().into_inner();
        assert!(!created.client_secret.is_empty());
        let client = created.client.unwrap();
        assert_eq!(client.grant_types, ["authorization_code", "refresh_token"]);
        let expected = RelyingParty {
            id_token_algorithm: algorithm.to_owned(),
            ..stated
        };
        assert_eq!(client.relying_party, Some(expected));
        let listed = service
            .admin()
            .list_clients(bearer(ListClientsRequest {}, &admin))
            .await;
        let clients = listed.unwrap().into_inner().clients;
        assert!(clients.contains(&client));
    }
}

#[tokio::test]
async fn invalid_registration_is_refused_with_its_reason() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let admin = service.tokens("root", "admin").await.access_token;
    let uri = |uri: &str| RelyingParty {
        redirect_uris: vec![uri.to_owned()],
        ..party()
    };
    let many = RelyingParty {
        redirect_uris: vec!["https://app.example/callback".to_owned(); 33],
        ..party()
    };
    let named = |name: &str| RelyingParty {
        name: name.to_owned(),
        ..party()
    };
    let algorithm = |name: &str| RelyingParty {
        id_token_algorithm: name.to_owned(),
        ..party()
    };
    let bye = RelyingParty {
        post_logout_redirect_uris: vec!["javascript:alert(1)".to_owned()],
        ..party()
    };
    for (stated, why) in [
        (
            uri("http://app.example/callback"),
            "redirect_uris: a redirect URI begins with https://",
        ),
        (
            uri("https://app.example/#a"),
            "redirect_uris: a redirect URI has no fragment",
        ),
        (
            RelyingParty {
                redirect_uris: Vec::new(),
                ..party()
            },
            "at least one",
        ),
        (many, "at most 32"),
        (named(""), "relying_party.name"),
        (named("a\u{202e}b"), "relying_party.name"),
        (algorithm("HS256"), "relying_party.id_token_algorithm"),
        (algorithm("RS256"), "AUTH_ID_TOKEN_ALGORITHMS"),
        (bye, "post_logout_redirect_uris"),
    ] {
        let refused = service
            .admin()
            .create_client(bearer(request("app", stated), &admin))
            .await;
        let message = refused.as_ref().unwrap_err().message().to_owned();
        assert!(message.contains(why), "{message}");
        assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    }
    let both = CreateClientRequest {
        introspection_only: true,
        ..request("app", party())
    };
    let refused = service.admin().create_client(bearer(both, &admin)).await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn pairwise_subjects_need_one_host_and_no_application_scopes() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let pairwise = |uris: &[&str]| RelyingParty {
        redirect_uris: uris.iter().map(ToString::to_string).collect(),
        pairwise_subjects: true,
        ..party()
    };
    let hosts = pairwise(&["https://app.example/", "https://shop.example/"]);
    let local = pairwise(&["http://localhost:3000/callback"]);
    let with_scope = CreateClientRequest {
        scope: "orders:read".to_owned(),
        ..request("app", pairwise(&["https://app.example/"]))
    };
    for request in [request("app", hosts), request("app", local), with_scope] {
        let refused = service.admin().create_client(bearer(request, &admin)).await;
        let message = refused.as_ref().unwrap_err().message().to_owned();
        assert!(message.contains("pairwise_subjects"), "{message}");
        assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
    }
}
