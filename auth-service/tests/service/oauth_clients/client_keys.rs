//! Keys of OAuth clients: which are accepted at registration, and what becomes of keys of earlier versions (RFC 7517, RFC 8037).

use auth_proto::v1::{ClientCredentials, ClientProofKind, client_credentials::Proof};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::clock::Clock as _;
use serde_json::{Value, json};
use tonic::Code;

use super::{Fixture, Signer};
use crate::support::{ISSUER, assert_refused};

const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// The neutral element of Ed25519: of order 1.
fn neutral() -> Value {
    let mut x = [0; 32];
    x[0] = 1;
    json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(x)})
}

/// An assertion without a signer, which verifies where points of small order are accepted: key and R are the neutral element, S is 0.
fn forged(claims: &Value) -> ClientCredentials {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({"alg": "EdDSA"})), part(claims));
    let mut signature = [0; 64];
    signature[0] = 1;
    let assertion = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    ClientCredentials {
        client_id: String::new(),
        proof: Some(Proof::ClientAssertion(assertion)),
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn unsupported_key_is_refused_with_reason() {
    let fixture = Fixture::start().await;
    let good: Value = serde_json::from_str(&Signer::new().jwk).unwrap();
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    let zeros = URL_SAFE_NO_PAD.encode([0; 32]);
    let cases = [
        (json!({}), "no JWK"),
        (json!({"keys": [good]}), "no JWK"),
        (
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
            "neither OKP",
        ),
        (json!({"kty": "oct", "k": "AAAA"}), "private member"),
        (with("d", json!("AAAA")), "private member"),
        (with("crv", json!("X25519")), "neither OKP"),
        (with("alg", json!("ES256")), "alg"),
        (with("use", json!("enc")), "alg"),
        (with("x", json!("AAAA")), "32 bytes"),
        (
            with("x", json!(URL_SAFE_NO_PAD.encode([0; 33]))),
            "32 bytes",
        ),
        (
            with("x", json!(URL_SAFE_NO_PAD.encode([0xff; 32]))),
            "no point",
        ),
        (with("x", json!(zeros)), "small order"),
        (neutral(), "small order"),
        (
            json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_X}),
            "no point",
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": zeros, "y": zeros}),
            "no point",
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "x": P256_X}),
            "neither OKP",
        ),
    ];
    for (jwk, reason) in cases {
        let refused = fixture
            .try_register("keyed", ClientProofKind::Key, &jwk.to_string())
            .await;
        let refused = refused.expect_err(reason);
        assert!(refused.message().contains(reason), "{jwk}: {refused}");
        assert_refused::<()>(Err(refused), Code::InvalidArgument, "INVALID_REQUEST");
    }
    for kind in [ClientProofKind::Secret, ClientProofKind::None] {
        let ignored = fixture.try_register("keyed", kind, &good.to_string()).await;
        assert_refused(ignored, Code::InvalidArgument, "INVALID_REQUEST");
    }
    let p256 = json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y, "alg": "ES256"});
    fixture
        .try_register("keyed", ClientProofKind::Key, &p256.to_string())
        .await
        .unwrap();
}

#[tokio::test]
async fn stored_weak_key_verifies_nothing() {
    let fixture = Fixture::start().await;
    let signer = Signer::new();
    for id in ["weak", "sound"] {
        fixture
            .try_register(id, ClientProofKind::Key, &signer.jwk)
            .await
            .unwrap();
    }
    // As an earlier version stored it: with other members of the JWK.
    let mut kept: Value = serde_json::from_str(&signer.jwk).unwrap();
    kept["kid"] = json!("1");
    let sql = format!(
        "UPDATE clients SET jwk = '{}' WHERE id = 'weak'; UPDATE clients SET jwk = '{kept}' WHERE id = 'sound'",
        neutral()
    );
    fixture.service.execute_sql(sql).await;
    let fixture = Fixture {
        service: fixture.service.restart().await,
        ..fixture
    };
    let now = fixture.service.clock.now().unix_timestamp();
    let claims =
        |id: &str| json!({"iss": id, "sub": id, "aud": ISSUER, "exp": now + 60, "jti": "1"});
    assert_refused(
        fixture.try_issue(&forged(&claims("weak")), "").await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    let sound = signer.sign(&claims("sound"));
    assert!(fixture.try_issue(&sound, "").await.is_ok());
}
