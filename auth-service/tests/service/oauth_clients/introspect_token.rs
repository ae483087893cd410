//! `AuthService/IntrospectToken` (RFC 7662).

use auth_proto::v1::{ClientCredentials, ClientProofKind, IntrospectTokenResponse};
use tonic::Code;

use super::{Fixture, first_party, with_secret};
use crate::support::{assert_refused, minutes};

#[tokio::test]
async fn audience_and_owner_see_claims_of_active_token() {
    let fixture = Fixture::start().await;
    fixture.service.add_user("ada", false).await;
    let (orders, elsewhere) = (
        fixture.client("orders").await,
        fixture.client("elsewhere").await,
    );
    let own = fixture.try_issue(&orders, "").await.unwrap().access_token;
    let response = fixture.introspect(&orders, &own).await.unwrap();
    assert!(response.active);
    assert_eq!(response.claims.unwrap().subject, "orders");

    // The token is for an audience of this client, too.
    assert!(fixture.introspect(&elsewhere, &own).await.unwrap().active);
    let tokens = fixture.service.tokens("ada", "profile").await;
    let response = fixture
        .introspect(&orders, &tokens.access_token)
        .await
        .unwrap();
    assert_eq!(response.claims.unwrap().username, "ada");
    for token in [tokens.refresh_token.as_str(), "hfr_junk", "junk", ""] {
        let response = fixture.introspect(&orders, token).await.unwrap();
        assert_eq!(response, IntrospectTokenResponse::default());
    }

    fixture.service.revoke(&tokens.access_token).await;
    let response = fixture
        .introspect(&orders, &tokens.access_token)
        .await
        .unwrap();
    assert_eq!(
        response,
        IntrospectTokenResponse::default(),
        "inactive discloses nothing else"
    );
    fixture.service.clock.advance(minutes(16));
    assert!(!fixture.introspect(&orders, &own).await.unwrap().active);
}

#[tokio::test]
async fn request_without_client_authentication_is_refused() {
    let fixture = Fixture::start().await;
    fixture.service.add_user("ada", false).await;
    let created = fixture
        .try_register("page", ClientProofKind::None, "")
        .await;
    created.unwrap();
    let orders = fixture.client("orders").await;
    let tokens = fixture.service.tokens("ada", "profile").await;
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
        for token in [&tokens.refresh_token, &tokens.access_token, "junk"] {
            let refused = fixture.introspect(&client, token).await;
            assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
        }
    }
    let response = fixture.introspect(&orders, &tokens.access_token).await;
    assert!(response.unwrap().active);
}

#[tokio::test]
async fn requests_beyond_limit_are_throttled() {
    let fixture = Fixture::start().await;
    let (orders, other) = (
        fixture.client("orders").await,
        fixture.client("other").await,
    );
    let token = fixture.try_issue(&orders, "").await.unwrap().access_token;
    for _ in 0..60 {
        let hundred = (0..100).map(|_| fixture.introspect(&orders, &token));
        let answers = futures_util::future::join_all(hundred).await;
        assert!(answers.into_iter().all(|response| response.unwrap().active));
    }
    let refused = fixture.introspect(&orders, &token).await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    assert!(fixture.introspect(&other, &token).await.unwrap().active);
    fixture.service.clock.advance(minutes(1));
    assert!(fixture.introspect(&orders, &token).await.unwrap().active);
}
