//! An issuer whose setting is written in another form than tokens name it.

use std::sync::Arc;

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, IntrospectTokenRequest,
    IssueTokenRequest, ValidateTokenRequest, client_credentials::Proof, issue_token_request::Grant,
};
use auth_service::config::ServeConfig;
use tonic::Code;

use crate::support::{ISSUER, TestService, assert_refused, bearer, with_ticket};

const WRITTEN: &str = "https://ID.example:443/";

/// As a version did that took the setting as it is written.
fn before(config: &mut ServeConfig) {
    config.policy.issuer = WRITTEN.into();
    config.policy.audiences = vec![WRITTEN.to_owned()];
}

fn today(config: &mut ServeConfig) {
    config.policy.issuer = ISSUER.into();
    config.policy.audiences = vec![ISSUER.to_owned()];
}

async fn token(service: &TestService) -> String {
    let ticket = service.login("ada").await.login_ticket;
    let issued = service.try_issue(with_ticket(&ticket, "profile")).await;
    issued.unwrap().access_token
}

#[tokio::test]
async fn former_issuer_spelling_stays_valid() {
    let service = TestService::start_with(before).await;
    service.add_user("ada", false).await;
    let old = token(&service).await;
    let admin = service.admin_token().await;
    let request = CreateClientRequest {
        client_id: "orders".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        scope: "orders:read".to_owned(),
        ..Default::default()
    };
    let created = service.admin().create_client(bearer(request, &admin)).await;
    let client = ClientCredentials {
        client_id: "orders".to_owned(),
        proof: Some(Proof::ClientSecret(
            created.unwrap().into_inner().client_secret,
        )),
    };
    let (directory, clock) = (Arc::clone(&service.directory), service.clock.clone());
    service.stop_and(async |_| ()).await;

    let service = TestService::start_in(directory, clock, today).await;
    let new = token(&service).await;
    for (access_token, name) in [(&old, WRITTEN), (&new, ISSUER)] {
        for audience in ["", WRITTEN, ISSUER] {
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
        let told = service.auth().introspect_token(request).await.unwrap();
        assert!(told.into_inner().active, "{name}");
    }
    for audience in ["", WRITTEN, ISSUER] {
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

#[tokio::test]
async fn audience_with_blank_is_refused() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    for audience in ["", " ", "https://a.example https://b.example", "a\n"] {
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
