//! What a bound token is good for.

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, IntrospectTokenRequest,
    IssueTokenRequest, ListLoginsRequest, RevokeTokenRequest,
    client_credentials::Proof as ClientProof, issue_token_request::Grant,
};
use aws_lc_rs::signature::Ed25519KeyPair;
use tonic::{Code, Request};

use super::{
    Key, assert_status, bound, nonce_of, said, said_at_issue, service, validate, validation,
    with_proof,
};
use crate::support::{ISSUER, bearer, with_metadata};

#[tokio::test]
async fn proof_of_its_key_makes_token_valid() {
    let service = service().await;
    for key in [
        Key::p256(),
        Key::Ed25519(Ed25519KeyPair::generate().unwrap()),
    ] {
        let issued = bound(&service, &key).await;
        let token = issued.access_token;
        let jwt = key.proof(&said(&service, &token, &issued.dpop_nonce));
        let answer = validate(&service, validation(&token, jwt)).await.unwrap();
        assert_eq!(answer.claims.unwrap().jkt.len(), 43);
        assert_eq!(answer.dpop_nonce, issued.dpop_nonce);
    }
}

#[tokio::test]
async fn token_and_proof_without_each_other_are_refused() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let refused = service.try_validate(&issued.access_token).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "DPOP_PROOF_REQUIRED",
    );

    let plain = service.tokens("ada", "profile").await;
    let jwt = key.proof(&said(&service, &plain.access_token, &issued.dpop_nonce));
    let refused = validate(&service, validation(&plain.access_token, jwt)).await;
    assert_status(
        &refused.unwrap_err(),
        Code::Unauthenticated,
        "TOKEN_NOT_BOUND",
    );
    assert_eq!(plain.token_type, "Bearer");
    assert_eq!(plain.dpop_nonce, "");
}

#[tokio::test]
async fn account_rpc_requires_proof_for_that_call() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound(&service, &key).await;
    let token = issued.access_token.as_str();
    let call = |path: &str| {
        let mut said = said(&service, token, &issued.dpop_nonce);
        said["htm"] = "POST".into();
        said["htu"] = format!("{ISSUER}{path}").into();
        let mut request: Request<_> = with_metadata(
            ListLoginsRequest {},
            "authorization",
            &format!("DPoP {token}"),
        );
        let jwt = key.proof(&said).parse().unwrap();
        request.metadata_mut().insert("dpop", jwt);
        request
    };
    let own = "/auth.v1.AccountService/ListLogins";
    let logins = service.account().list_logins(call(own)).await.unwrap();
    assert_eq!(logins.into_inner().logins.len(), 1);
    let other = "/auth.v1.AccountService/GetAccount";
    let refused = service
        .account()
        .list_logins(call(other))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let as_bearer = bearer(ListLoginsRequest {}, token);
    let refused = service.account().list_logins(as_bearer).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let bare = with_metadata(
        ListLoginsRequest {},
        "authorization",
        &format!("DPoP {token}"),
    );
    let refused = service.account().list_logins(bare).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
}

#[tokio::test]
async fn bound_token_without_key_ends_no_login() {
    let service = service().await;
    let issued = bound(&service, &Key::p256()).await;
    let request = RevokeTokenRequest {
        token: issued.access_token,
        end_login: true,
        ..Default::default()
    };
    let refused = service.auth().revoke_token(request).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
}

#[tokio::test]
async fn client_with_dpop_required_gets_bound_tokens_only() {
    let service = service().await;
    let admin = service.admin_token().await;
    let create = async |id: &str, dpop_required, introspection_only| {
        let request = CreateClientRequest {
            client_id: id.to_owned(),
            proof_kind: ClientProofKind::Secret.into(),
            scope: "orders:read".to_owned(),
            dpop_required,
            introspection_only,
            ..Default::default()
        };
        let created = service.admin().create_client(bearer(request, &admin)).await;
        created.unwrap().into_inner()
    };
    let credentials = |id: &str, secret: &str| ClientCredentials {
        client_id: id.to_owned(),
        proof: Some(ClientProof::ClientSecret(secret.to_owned())),
    };
    let ask = |id: &str, secret: &str| IssueTokenRequest {
        grant: Some(Grant::ClientCredentials(credentials(id, secret))),
        ..Default::default()
    };
    let must = create("must", true, false).await;
    assert!(must.client.unwrap().dpop_required);
    let refused = service
        .try_issue(ask("must", &must.client_secret))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
    let key = Key::p256();
    let jwt = key.proof(&said_at_issue(&service, Some(&nonce_of(&refused))));
    let stranger = with_proof(ask("must", "a guess"), jwt.clone());
    let refused = service.try_issue(stranger).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "INVALID_CLIENT");
    let request = with_proof(ask("must", &must.client_secret), jwt.clone());
    let issued = service.try_issue(request).await;
    let issued = issued.expect("what a stranger shows is not remembered");
    assert_eq!(issued.token_type, "DPoP");
    let again = with_proof(ask("must", &must.client_secret), jwt);
    let refused = service.try_issue(again).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");

    let only_asks = create("resource", false, true).await;
    assert!(only_asks.client.unwrap().grant_types.is_empty());
    let refused = service
        .try_issue(ask("resource", &only_asks.client_secret))
        .await;
    assert_status(
        &refused.unwrap_err(),
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    let told = IntrospectTokenRequest {
        token: issued.access_token,
        client_credentials: Some(credentials("resource", &only_asks.client_secret)),
    };
    let told = service
        .auth()
        .introspect_token(told)
        .await
        .unwrap()
        .into_inner();
    assert!(told.active);
    assert_eq!(told.claims.unwrap().jkt.len(), 43);
}
