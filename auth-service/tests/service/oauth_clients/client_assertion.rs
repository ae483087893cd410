//! Client authentication by a signed assertion (RFC 7523).

use auth_proto::v1::{ClientCredentials, ClientProofKind, client_credentials::Proof};
use holdfast_core::clock::Clock as _;
use serde_json::{Value, json};
use tonic::Code;

use super::{Fixture, Signer};
use crate::support::{ISSUER, assert_refused};

#[tokio::test]
async fn assertion_is_valid_once_and_for_this_issuer() {
    let fixture = Fixture::start().await;
    let signer = Signer::new();
    fixture
        .try_register("signer", ClientProofKind::Key, &signer.jwk)
        .await
        .unwrap();
    let now = fixture.service.clock.now().unix_timestamp();
    let claims = |jti: &str| json!({"iss": "signer", "sub": "signer", "aud": format!("{ISSUER}/oauth2/token"), "exp": now + 60, "jti": jti});
    let good = signer.sign(&claims("1"));
    assert!(fixture.try_issue(&good, "").await.is_ok());
    assert_refused(
        fixture.try_issue(&good, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    let mut for_issuer = claims("2");
    for_issuer["aud"] = json!(["https://other.example", ISSUER]);
    assert!(
        fixture
            .try_issue(&signer.sign(&for_issuer), "")
            .await
            .is_ok()
    );

    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("sub", json!("other")),
        ("iss", json!("first-party")),
        ("exp", json!(now - 60)),
        ("exp", json!(now + 3600)),
        ("exp", json!(253_402_300_799_i64)),
        ("nbf", json!(now + 60)),
        ("jti", Value::Null),
    ] {
        let mut wrong = claims(&format!("{name}{value}"));
        wrong[name] = value;
        let refused = fixture.try_issue(&signer.sign(&wrong), "").await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
    }
    let forged = Signer::new().sign(&claims("3"));
    assert_refused(
        fixture.try_issue(&forged, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    let none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJzaWduZXIifQ.";
    let unsigned = ClientCredentials {
        client_id: "signer".to_owned(),
        proof: Some(Proof::ClientAssertion(none.to_owned())),
    };
    assert_refused(
        fixture.try_issue(&unsigned, "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
}
