//! `AccountService/GetAccount`, and what every account RPC requires.

use auth_proto::v1::{GetAccountRequest, ListUsersRequest};
use tonic::Code;

use crate::support::{TestService, assert_refused, bearer, seconds};

#[tokio::test]
async fn own_account_is_returned() {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "account").await.access_token;
    let answer = service
        .account()
        .get_account(bearer(GetAccountRequest {}, &token))
        .await;
    assert_eq!(answer.unwrap().into_inner().user.unwrap().username, "ada");
}

#[tokio::test]
async fn token_without_scope_account_is_refused() {
    let service = TestService::with_user("ada").await;
    let mut client = service.account();
    let none = client.get_account(GetAccountRequest {}).await;
    assert_refused(none, Code::Unauthenticated, "TOKEN_MISSING");
    let junk = client
        .get_account(bearer(GetAccountRequest {}, "junk"))
        .await;
    assert_refused(junk, Code::Unauthenticated, "TOKEN_MALFORMED");
    let profile = service.tokens("ada", "profile").await.access_token;
    let lacking = client
        .get_account(bearer(GetAccountRequest {}, &profile))
        .await;
    assert_refused(lacking, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
}

/// The revocation log has no entry of it yet, as at the moment when another instance ends it.
#[tokio::test]
async fn login_ended_only_in_store_is_refused() {
    let service = TestService::with_user("ada").await;
    // A login as old as the history of the store is looked up in any case.
    service.clock.advance(seconds(2));
    let admin = service.admin_token().await;
    let token = service.tokens("ada", "account").await.access_token;
    let end = "UPDATE logins SET ended_at = 1, end_reason = 'signed_out'";
    service.execute_sql(end.to_owned()).await;
    let request = bearer(GetAccountRequest {}, &token);
    let refused = service.account().get_account(request).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
    let request = bearer(ListUsersRequest::default(), &admin);
    let refused = service.admin().list_users(request).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}
