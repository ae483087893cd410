//! Logout tokens, as a relying party verifies them (§2.4, §2.6), and the requests that carry them (§2.5).

use auth_proto::v1::{GetJwksRequest, JsonWebKey};
use holdfast_core::clock::Clock as _;
use holdfast_identity::{key::Algorithm, oauth::RelyingParty};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::{
    party_at,
    receiver::{Receiver, Request},
    start,
};
use crate::{
    authorization::{claims_of, part_of},
    support::{ISSUER, TestService},
};

/// Verifies the signature, the issuer and the audience of a logout token with a published key; returns its claims.
async fn verify(service: &TestService, token: &str, audience: &str) -> Value {
    let header = decode_header(token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let jwks = service.auth().get_jwks(GetJwksRequest {}).await.unwrap();
    let keys = jwks.into_inner().keys;
    let mut keys = keys
        .iter()
        .filter(|key| Some(&key.kid) == header.kid.as_ref());
    let key: &JsonWebKey = keys.next().unwrap();
    let decoding = match &*key.kty {
        "OKP" => DecodingKey::from_ed_components(&key.x).unwrap(),
        _ => DecodingKey::from_ec_components(&key.x, &key.y).unwrap(),
    };
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[ISSUER]);
    // The test has a clock of its own.
    validation.validate_exp = false;
    decode::<Value>(token, &decoding, &validation)
        .unwrap()
        .claims
}

#[tokio::test]
async fn pairwise_identifiers_are_those_of_the_id_token() {
    let (fixture, _) = start().await;
    let receiver = Receiver::start().await;
    let party = RelyingParty {
        sector: Some("desk.example".parse().unwrap()),
        ..party_at(&receiver.uri())
    };
    fixture.service.add_party("desk", party).await;
    let code = fixture.consented(&[("client_id", "desk")]).await;
    let tokens = fixture.service.exchange("desk", &code).await.unwrap();
    fixture.sign_out().await;
    fixture.service.all_delivered().await;

    let id_token = claims_of(&tokens.id_token);
    let claims = claims_of(&receiver.requests().remove(0).token);
    assert_eq!(claims["sub"], id_token["sub"]);
    assert_eq!(claims["sid"], id_token["sid"]);
    assert_ne!(claims["sid"], fixture.sid);
}

#[tokio::test]
async fn token_has_the_claims_of_the_session_and_a_valid_signature() {
    let (fixture, receiver) = start().await;
    let service = &fixture.service;
    let other = fixture.add_receiver("other", Algorithm::Es256).await;
    let id_token = fixture.sign_in(&[]).await.id_token;
    fixture.sign_out().await;
    service.all_delivered().await;

    let now = service.clock.now().unix_timestamp();
    let mut ids = Vec::new();
    for (receiver, audience, alg) in [(receiver, "app", "EdDSA"), (other, "other", "ES256")] {
        let Request { token, .. } = receiver.requests().remove(0);
        assert_eq!(part_of(&token, 0)["alg"], alg);
        let mut claims = verify(service, &token, audience).await;
        ids.push(claims["jti"].take());
        let expected = json!({
            "iss": ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + 120,
            "jti": null,
            "sub": claims_of(&id_token)["sub"],
            "sid": fixture.sid,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        assert_eq!(claims, expected);
    }
    assert!(ids.iter().all(Value::is_string));
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn request_is_a_form_that_is_not_cached() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    receiver.respond("204 No Content");
    fixture.sign_out().await;
    fixture.service.all_delivered().await;
    let requests = receiver.requests();
    let [Request { head, .. }] = &*requests else {
        panic!("{requests:?}")
    };
    assert!(
        head.starts_with("post /logout?tenant=1 http/1.1\r\n"),
        "{head}"
    );
    for field in [
        &format!("host: 127.0.0.1:{}", receiver.port()),
        "content-type: application/x-www-form-urlencoded",
        "cache-control: no-store",
    ] {
        assert!(head.lines().any(|line| line == field), "{head}");
    }
}

#[tokio::test]
async fn logout_token_is_accepted_as_no_other_token() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    fixture.sign_out().await;
    fixture.service.all_delivered().await;
    let Request { token, .. } = receiver.requests().remove(0);
    assert!(fixture.service.try_validate(&token).await.is_err());
    assert!(fixture.service.try_refresh(&token).await.is_err());
}
