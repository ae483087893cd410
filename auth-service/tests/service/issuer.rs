//! An issuer whose setting was written in another form than tokens name it, by a version that did not normalize it.

use std::sync::Arc;

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, IntrospectTokenRequest,
    IssueTokenRequest, ValidateTokenRequest, client_credentials::Proof, issue_token_request::Grant,
};
use auth_service::config::ServeConfig;
use tonic::Code;

use crate::support::{ISSUER, TestService, assert_refused, bearer, with_ticket};

const AS_CONFIGURED: &str = "https://ID.example:443/";

/// The configuration of a version that did not normalize the issuer.
fn not_normalized(config: &mut ServeConfig) {
    config.policy.issuer = AS_CONFIGURED.into();
    config.policy.audiences = vec![AS_CONFIGURED.to_owned()];
}

fn normalized(config: &mut ServeConfig) {
    config.policy.issuer = ISSUER.into();
    config.policy.audiences = vec![ISSUER.to_owned()];
}

async fn token(service: &TestService) -> String {
    let ticket = service.login("ada").await.login_ticket;
    let issued = service.try_issue(with_ticket(&ticket, "profile")).await;
    issued.unwrap().access_token
}

/// Registers an OAuth client with a secret; returns its credentials.
async fn create_client(service: &TestService) -> ClientCredentials {
    let admin = service.admin_token().await;
    let request = CreateClientRequest {
        client_id: "orders".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        scope: "orders:read".to_owned(),
        ..Default::default()
    };
    let created = service.admin().create_client(bearer(request, &admin)).await;
    let secret = created.unwrap().into_inner().client_secret;
    ClientCredentials {
        client_id: "orders".to_owned(),
        proof: Some(Proof::ClientSecret(secret)),
    }
}

#[tokio::test]
async fn former_issuer_spelling_stays_valid() {
    let service = TestService::start_with(not_normalized).await;
    service.add_user("ada", false).await;
    let old = token(&service).await;
    let client = create_client(&service).await;
    let (directory, clock) = (Arc::clone(&service.directory), service.clock.clone());
    service.stop_and(async |_| ()).await;

    let service = TestService::start_in(directory, clock, normalized).await;
    let new = token(&service).await;
    for (access_token, name) in [(&old, AS_CONFIGURED), (&new, ISSUER)] {
        for audience in ["", AS_CONFIGURED, ISSUER] {
            let request = ValidateTokenRequest {
                access_token: access_token.clone(),
                audience: audience.to_owned(),
                ..Default::default()
            };
            let answer = service.auth().validate_token(request).await.unwrap();
            let claims = answer.into_inner().claims.unwrap();
            assert_eq!(
                (claims.issuer.as_str(), claims.audience.as_str()),
                (name, name)
            );
        }
        let request = IntrospectTokenRequest {
            token: access_token.clone(),
            client_credentials: Some(client.clone()),
        };
        let answer = service.auth().introspect_token(request).await.unwrap();
        assert!(answer.into_inner().active, "{name}");
    }
    for audience in ["", AS_CONFIGURED, ISSUER] {
        let request = IssueTokenRequest {
            grant: Some(Grant::ClientCredentials(client.clone())),
            audience: audience.to_owned(),
            ..Default::default()
        };
        assert!(service.try_issue(request).await.is_ok(), "{audience}");
    }
    let elsewhere = ValidateTokenRequest {
        access_token: old,
        audience: "https://other.example".to_owned(),
        ..Default::default()
    };
    assert_refused(
        service.auth().validate_token(elsewhere).await,
        Code::Unauthenticated,
        "TOKEN_WRONG_AUDIENCE",
    );
}
