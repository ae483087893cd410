//! `AuthService/RevokeToken` by an OAuth client (RFC 7009 §2.1).

use auth_proto::v1::{ClientCredentials, RevokeTokenRequest};
use tonic::Code;

use super::{Fixture, first_party};
use crate::support::assert_refused;

#[tokio::test]
async fn token_of_other_client_is_not_revoked() {
    let fixture = Fixture::start().await;
    let (orders, other) = (
        fixture.client("orders").await,
        fixture.client("other").await,
    );
    let token = fixture.try_issue(&orders, "").await.unwrap().access_token;
    let revoke = async |client: &ClientCredentials, token: &str| {
        let request = RevokeTokenRequest {
            token: token.to_owned(),
            client_credentials: Some(client.clone()),
            ..Default::default()
        };
        fixture.service.auth().revoke_token(request).await
    };
    assert_refused(
        revoke(&other, &token).await,
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    assert_refused(
        revoke(&first_party(), &token).await,
        Code::PermissionDenied,
        "UNAUTHORIZED_CLIENT",
    );
    assert!(fixture.service.try_validate(&token).await.is_ok());
    assert!(revoke(&other, "no token at all").await.is_ok());
    revoke(&orders, &token).await.unwrap();
    assert_refused(
        fixture.service.try_validate(&token).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
}
