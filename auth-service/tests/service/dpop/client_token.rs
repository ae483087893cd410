//! Bound access tokens of OAuth clients, and clients that may introspect only (RFC 9449 §5, RFC 7662).

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, IntrospectTokenRequest,
    IssueTokenRequest, OauthClient, client_credentials::Proof as ClientProof,
    issue_token_request::Grant,
};
use tonic::Code;

use super::{Key, assert_status, bound_tokens, issue_claims, nonce_of, service, with_proof};
use crate::support::{TestService, bearer};

/// Registers an OAuth client with a secret; returns it and its credentials.
async fn register(
    service: &TestService,
    admin: &str,
    options: CreateClientRequest,
) -> (OauthClient, ClientCredentials) {
    let request = CreateClientRequest {
        proof_kind: ClientProofKind::Secret.into(),
        scope: "orders:read".to_owned(),
        ..options
    };
    let created = service.admin().create_client(bearer(request, admin)).await;
    let created = created.unwrap().into_inner();
    let client = created.client.unwrap();
    let credentials = with_secret(&client.client_id, &created.client_secret);
    (client, credentials)
}

fn with_secret(id: &str, secret: &str) -> ClientCredentials {
    ClientCredentials {
        client_id: id.to_owned(),
        proof: Some(ClientProof::ClientSecret(secret.to_owned())),
    }
}

fn token_request(credentials: &ClientCredentials) -> IssueTokenRequest {
    IssueTokenRequest {
        grant: Some(Grant::ClientCredentials(credentials.clone())),
        ..Default::default()
    }
}

#[tokio::test]
async fn client_with_dpop_required_gets_bound_tokens_only() {
    let service = service().await;
    let admin = service.admin_token().await;
    let options = CreateClientRequest {
        client_id: "orders".to_owned(),
        dpop_required: true,
        ..Default::default()
    };
    let (client, credentials) = register(&service, &admin, options).await;
    assert!(client.dpop_required);
    let request = || token_request(&credentials);
    let refused = service.try_issue(request()).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let key = Key::p256();
    let jwt = key.proof(&issue_claims(&service, Some(&nonce_of(&refused))));
    let guessed = token_request(&with_secret("orders", "a guess"));
    let refused = service.try_issue(with_proof(guessed, jwt.clone())).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    let issued = service.try_issue(with_proof(request(), jwt.clone())).await;
    let issued = issued.expect("a proof with wrong client credentials is not recorded");
    assert_eq!(issued.token_type, "DPoP");
    let replayed = service.try_issue(with_proof(request(), jwt)).await;
    assert_status(
        &replayed.unwrap_err(),
        Code::Unauthenticated,
        "DPOP_PROOF_INVALID",
    );
}

#[tokio::test]
async fn introspection_only_client_gets_no_token_and_sees_thumbprint() {
    let service = service().await;
    let admin = service.admin_token().await;
    let options = CreateClientRequest {
        client_id: "resource".to_owned(),
        introspection_only: true,
        ..Default::default()
    };
    let (client, credentials) = register(&service, &admin, options).await;
    assert!(client.grant_types.is_empty());
    let refused = service.try_issue(token_request(&credentials)).await;
    assert_status(
        &refused.unwrap_err(),
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    let bound = bound_tokens(&service, &Key::p256()).await;
    let request = IntrospectTokenRequest {
        token: bound.access_token,
        client_credentials: Some(credentials),
    };
    let introspected = service.auth().introspect_token(request).await;
    let introspected = introspected.unwrap().into_inner();
    assert!(introspected.active);
    assert_eq!(introspected.claims.unwrap().jkt.len(), 43);
}
