//! What clients may know of tokens, and end.

use auth_proto::v1::{
    ClientCredentials, ClientProofKind, IntrospectTokenResponse, RevokeTokenRequest,
};
use tonic::Code;

use super::{World, first_party, with_secret};
use crate::support::{assert_refused, minutes};

#[tokio::test]
async fn audience_and_owner_see_claims_of_active_token() {
    let world = World::begin().await;
    world.service.add_user("ada", false).await;
    let (orders, elsewhere) = (
        world.client("orders").await,
        world.client("elsewhere").await,
    );
    let own = world.try_token(&orders, "").await.unwrap().access_token;
    let told = world.introspect(&orders, &own).await.unwrap();
    assert!(told.active);
    assert_eq!(told.claims.unwrap().subject, "orders");

    // It is for an audience of theirs, too.
    assert!(world.introspect(&elsewhere, &own).await.unwrap().active);
    let person = world.service.tokens("ada", "profile").await;
    let told = world
        .introspect(&orders, &person.access_token)
        .await
        .unwrap();
    assert_eq!(told.claims.unwrap().username, "ada");
    for token in [person.refresh_token.as_str(), "hfr_junk", "junk", ""] {
        let told = world.introspect(&orders, token).await.unwrap();
        assert_eq!(told, IntrospectTokenResponse::default());
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
async fn request_without_client_authentication_is_refused() {
    let world = World::begin().await;
    world.service.add_user("ada", false).await;
    let created = world.try_register("page", ClientProofKind::None, "").await;
    created.unwrap();
    let orders = world.client("orders").await;
    let person = world.service.tokens("ada", "profile").await;
    let public = |id: &str| ClientCredentials {
        client_id: id.to_owned(),
        proof: None,
    };
    for client in [
        first_party(),
        public("page"),
        public("orders"),
        public("nobody"),
        ClientCredentials::default(),
        with_secret("orders", "guessed"),
        with_secret("first-party", ""),
    ] {
        for token in [&person.refresh_token, &person.access_token, "junk"] {
            let refused = world.introspect(&client, token).await;
            assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
        }
    }
    let told = world.introspect(&orders, &person.access_token).await;
    assert!(told.unwrap().active);
}

#[tokio::test]
async fn requests_beyond_limit_are_throttled() {
    let world = World::begin().await;
    let (orders, other) = (world.client("orders").await, world.client("other").await);
    let token = world.try_token(&orders, "").await.unwrap().access_token;
    for _ in 0..60 {
        let hundred = (0..100).map(|_| world.introspect(&orders, &token));
        let answers = futures_util::future::join_all(hundred).await;
        assert!(answers.into_iter().all(|told| told.unwrap().active));
    }
    let refused = world.introspect(&orders, &token).await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    assert!(world.introspect(&other, &token).await.unwrap().active);
    world.service.clock.advance(minutes(1));
    assert!(world.introspect(&orders, &token).await.unwrap().active);
}

#[tokio::test]
async fn token_of_other_client_is_not_revoked() {
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
