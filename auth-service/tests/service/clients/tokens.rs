//! What clients may know of tokens, and end.

use auth_proto::v1::{ClientCredentials, IntrospectTokenResponse, RevokeTokenRequest};
use tonic::Code;

use super::{World, first_party};
use crate::support::{assert_refused, minutes};

#[tokio::test]
async fn introspection_tells_who_may_know() {
    let world = World::begin().await;
    world.service.add_user("ada", false).await;
    let (orders, elsewhere) = (
        world.client("orders").await,
        world.client("elsewhere").await,
    );
    let own = world.try_token(&orders, "").await.unwrap().access_token;
    let told = world.introspect(&orders, &own).await.unwrap();
    assert!(told.active && !told.is_refresh_token);
    assert_eq!(told.claims.unwrap().subject, "orders");

    // It is for an audience of theirs, too.
    assert!(world.introspect(&elsewhere, &own).await.unwrap().active);
    let person = world.service.tokens("ada", "profile").await;
    let told = world
        .introspect(&orders, &person.access_token)
        .await
        .unwrap();
    assert_eq!(told.claims.unwrap().username, "ada");
    let told = world
        .introspect(&first_party(), &person.refresh_token)
        .await
        .unwrap();
    assert!(told.active && told.is_refresh_token);
    for (client, token) in [
        (&orders, person.refresh_token.as_str()),
        (&orders, "junk"),
        (&first_party(), "hfr_junk"),
    ] {
        let told = world.introspect(client, token).await;
        assert!(told.is_err() || told.unwrap() == IntrospectTokenResponse::default());
    }

    world.service.revoke(&person.access_token).await;
    let told = world
        .introspect(&orders, &person.access_token)
        .await
        .unwrap();
    assert_eq!(
        told,
        IntrospectTokenResponse::default(),
        "nothing else is said"
    );
    world.service.clock.advance(minutes(16));
    assert!(!world.introspect(&orders, &own).await.unwrap().active);
}

#[tokio::test]
async fn nobody_ends_the_token_of_another_client() {
    let world = World::begin().await;
    let (orders, other) = (world.client("orders").await, world.client("other").await);
    let token = world.try_token(&orders, "").await.unwrap().access_token;
    let revoke = async |client: &ClientCredentials, token: &str| {
        let request = RevokeTokenRequest {
            token: token.to_owned(),
            client_credentials: Some(client.clone()),
            ..Default::default()
        };
        world.service.auth().revoke_token(request).await
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
    assert!(world.service.try_validate(&token).await.is_ok());
    assert!(revoke(&other, "no token at all").await.is_ok());
    revoke(&orders, &token).await.unwrap();
    assert_refused(
        world.service.try_validate(&token).await,
        Code::Unauthenticated,
        "TOKEN_REVOKED",
    );
}
