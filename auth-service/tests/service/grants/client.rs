//! What the OAuth client of a grant must and may do.

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, CreateClientRequest, DisableClientRequest,
    IssueTokenRequest, RevokeTokenRequest, client_credentials::Proof,
};
use tonic::Code;

use super::{Fixture, SHOP};
use crate::support::{
    GrantOf, TestService, assert_refused, bearer, browser_login, for_browser_use, from_web_service,
    seconds, with_refresh, with_ticket,
};

#[tokio::test]
async fn disabled_client_loses_its_grants_and_no_other() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let shop = service.try_refresh(&fixture.token).await.unwrap();
    let admin = service.admin_token().await;
    let disable = async |id: &str| {
        let request = DisableClientRequest {
            client_id: id.to_owned(),
        };
        service
            .admin()
            .disable_client(bearer(request, &admin))
            .await
    };

    disable("shop").await.unwrap();

    let access = service.try_validate(&shop.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    let refreshed = service.try_refresh(&shop.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    fixture.assert_first_grant_lives().await;
    let protected = disable("first-party").await;
    assert_refused(protected, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn confidential_client_authenticates_to_refresh() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let admin = service.admin_token().await;
    let mut credentials = Vec::new();
    for id in ["bank", "other"] {
        let request = CreateClientRequest {
            client_id: id.to_owned(),
            proof_kind: ClientProofKind::Secret.into(),
            ..Default::default()
        };
        let created = service.admin().create_client(bearer(request, &admin)).await;
        credentials.push(ClientCredentials {
            client_id: id.to_owned(),
            proof: Some(Proof::ClientSecret(
                created.unwrap().into_inner().client_secret,
            )),
        });
    }
    let sql =
        "UPDATE clients SET grant_types = 'client_credentials refresh_token' WHERE id = 'bank'";
    service.execute_sql(sql.to_owned()).await;
    let grant = GrantOf {
        client: "bank",
        ..SHOP
    };
    let (_, token) = service.add_grant(&fixture.sid, grant).await;
    let refresh = async |token: &str, client: Option<&ClientCredentials>| {
        let request = IssueTokenRequest {
            client_authentication: client.cloned(),
            ..with_refresh(token)
        };
        service.try_issue(request).await
    };

    let anonymous = refresh(&token, None).await;
    assert_refused(anonymous, Code::Unauthenticated, "INVALID_CLIENT");
    let other = refresh(&token, Some(&credentials[1])).await;
    assert_refused(other, Code::PermissionDenied, "UNAUTHORIZED_CLIENT");
    let revocation = RevokeTokenRequest {
        token: token.clone(),
        ..Default::default()
    };
    let revoked = service.auth().revoke_token(revocation).await;
    assert_refused(revoked, Code::Unauthenticated, "INVALID_CLIENT");
    let wrong = ClientCredentials {
        proof: Some(Proof::ClientSecret("wrong".to_owned())),
        ..credentials[0].clone()
    };
    let refused = refresh(&token, Some(&wrong)).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
    let foreign = refresh(&fixture.token, Some(&credentials[0])).await;
    assert_refused(foreign, Code::PermissionDenied, "UNAUTHORIZED_CLIENT");
    refresh(&token, Some(&credentials[0])).await.unwrap();
    fixture.assert_first_grant_lives().await;
}

/// A login of a browser in which `shop` has a grant; with the refresh tokens of its first grant and of that of `shop`.
async fn login_of_a_browser_with_grant() -> (TestService, String, String) {
    let service = TestService::with_user("ada").await;
    service.add_public_client("shop").await;
    let login = service
        .auth()
        .login(from_web_service(browser_login()))
        .await;
    let login = login.unwrap().into_inner();
    let exchange = for_browser_use(with_ticket(&login.login_ticket, "profile"));
    let first = service.try_issue(from_web_service(exchange)).await.unwrap();
    let (_, token) = service.add_grant(&login.sid, SHOP).await;
    (service, first.refresh_token, token)
}

#[tokio::test]
async fn grant_in_a_login_of_a_browser_is_kept_by_its_client() {
    let (service, first, token) = login_of_a_browser_with_grant().await;

    let second = service.try_refresh(&token).await.unwrap();

    assert_ne!(second.refresh_token, token, "it rotates");
    service.clock.advance(seconds(10));
    let reused = service.try_refresh(&token).await;
    assert_refused(reused, Code::Unauthenticated, "REFRESH_REUSED");
    let request = for_browser_use(with_refresh(&first));
    let kept = service.try_issue(from_web_service(request)).await;
    assert!(kept.is_ok(), "the login continues");
    let ended = service.try_refresh(&second.refresh_token).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
}

/// A program that keeps its tokens may have no token with the scope `account`.
#[tokio::test]
async fn sign_out_of_grant_in_a_login_of_a_browser_ends_the_grant() {
    let (service, first, token) = login_of_a_browser_with_grant().await;
    let shop = service.try_refresh(&token).await.unwrap();

    let request = RevokeTokenRequest {
        token: shop.access_token,
        end_login: true,
        ..Default::default()
    };
    let request = from_web_service(request);
    service.auth().revoke_token(request).await.unwrap();

    let refreshed = service.try_refresh(&shop.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    let request = for_browser_use(with_refresh(&first));
    service.try_issue(from_web_service(request)).await.unwrap();
}

#[tokio::test]
async fn grant_for_one_audience_is_issued_no_other() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    service.add_public_client("other").await;
    let grant = GrantOf {
        client: "other",
        audience: Some("https://other.example"),
        ..SHOP
    };
    let (_, token) = service.add_grant(&fixture.sid, grant).await;
    let request = IssueTokenRequest {
        audience: "https://api.example".to_owned(),
        ..with_refresh(&token)
    };
    let refused = service.try_issue(request).await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_AUDIENCE");

    let issued = service.try_refresh(&token).await.unwrap();

    let refused = service.try_validate(&issued.access_token).await;
    assert_refused(refused, Code::Unauthenticated, "TOKEN_WRONG_AUDIENCE");
}
