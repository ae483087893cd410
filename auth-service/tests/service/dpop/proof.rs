//! The checks of a proof of possession (RFC 9449 §4.3).

use auth_proto::v1::{DpopProof, IssueTokenRequest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::clock::Clock as _;
use serde_json::{Value, json};
use tonic::Code;

use super::{
    Key, RESOURCE, assert_status, bound_tokens, fresh_id, issue_claims, nonce_of, service,
    token_hash, validate, validate_request, validation_claims, with_proof,
};
use crate::support::{from_web_service, seconds, with_ticket};

/// A proof without a signer, which verifies where points of small order are accepted as keys: key and R are the neutral element of
/// Ed25519, S is 0.
fn unsigned(payload: &Value) -> String {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(neutral)});
    let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode([neutral, [0; 32]].concat());
    format!("{}.{}.{signature}", part(&header), part(payload))
}

/// Check 7, and the validity of the key, at `IssueToken`, which accepts any key.
#[tokio::test]
async fn invalid_key_is_refused() {
    let service = service().await;
    let ticket = service.login("ada").await.login_ticket;
    let key = Key::p256();
    let payload = issue_claims(&service, None);
    let under = |jwk: &Value| {
        let mut header = key.header();
        header["jwk"] = jwk.clone();
        key.sign(&header, &payload)
    };
    let with = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        under(&jwk)
    };
    let cases = [
        ("private", with("d", json!("AAAA"))),
        ("with a symmetric member", with("k", json!("AAAA"))),
        ("symmetric", under(&json!({"kty": "oct", "k": "AAAA"}))),
        (
            "RSA",
            under(&json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"})),
        ),
        ("for another algorithm", with("alg", json!("EdDSA"))),
        ("for encryption", with("use", json!("enc"))),
        ("off the curve", with("y", key.jwk()["x"].clone())),
        ("too short", with("x", json!("AAAA"))),
        ("at infinity", with("x", json!(""))),
        ("of small order", unsigned(&payload)),
    ];
    for (what, jwt) in cases {
        let request = with_proof(with_ticket(&ticket, "profile"), jwt);
        let refused = service.try_issue(request).await.expect_err(what);
        assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    }
    let request = with_proof(with_ticket(&ticket, "profile"), under(&key.jwk()));
    assert!(service.try_issue(request).await.is_ok());
}

/// Checks 2 to 12 of RFC 9449 §4.3; check 1 is about header fields, which web-service checks.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn failing_any_check_is_refused() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let (token, nonce) = (issued.access_token.as_str(), issued.dpop_nonce.as_str());
    let good = || validation_claims(&service, token, nonce);
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let under = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign(&header, &good())
    };
    let now = service.clock.now().unix_timestamp();
    let der = Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
    let jwt = key.proof(&good());
    let (message, _) = jwt.rsplit_once('.').unwrap();
    let mut private = key.jwk();
    private["d"] = json!("AAAA");
    let mut keyless = key.header();
    keyless.as_object_mut().unwrap().remove("jwk");
    let cases = [
        ("2: no JWT", "junk".to_owned()),
        ("2: two", format!("{jwt}.{jwt}")),
        ("3: jti", key.proof(&without("jti"))),
        ("3: htm", key.proof(&without("htm"))),
        ("3: htu", key.proof(&without("htu"))),
        ("3: iat", key.proof(&without("iat"))),
        ("3: ath", key.proof(&without("ath"))),
        ("4: typ", under("typ", json!("JWT"))),
        ("4: another kind", under("typ", json!("dbsc+jwt"))),
        ("5: none", under("alg", json!("none"))),
        ("5: symmetric", under("alg", json!("HS256"))),
        ("5: not the key's", under("alg", json!("EdDSA"))),
        ("5: crit", under("crit", json!(["b64"]))),
        ("6: no key", key.sign(&keyless, &good())),
        ("6: no signature", format!("{message}.")),
        (
            "6: another's signature",
            Key::p256().sign(&key.header(), &good()),
        ),
        ("6: in DER", der.proof(&good())),
        ("7: a private key", under("jwk", private)),
        ("8: htm", key.proof(&with("htm", json!("POST")))),
        (
            "9: htu",
            key.proof(&with("htu", json!("https://api.example/other"))),
        ),
        (
            "9: another host",
            key.proof(&with("htu", json!("https://evil.example/orders"))),
        ),
        ("11: too old", key.proof(&with("iat", json!(now - 90)))),
        (
            "11: of the future",
            key.proof(&with("iat", json!(now + 31))),
        ),
        ("11: no time", key.proof(&with("iat", json!("now")))),
        (
            "12: of another token",
            key.proof(&with("ath", json!(token_hash("x")))),
        ),
        ("12: with another key", Key::p256().proof(&good())),
    ];
    for (what, jwt) in cases {
        let refused = validate(&service, validate_request(token, jwt)).await;
        let refused = refused.expect_err(what);
        assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
        assert_eq!(nonce_of(&refused), nonce, "{what}");
    }
    for (what, claims) in [
        ("10: no nonce", without("nonce")),
        (
            "10: another nonce",
            with("nonce", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        ),
    ] {
        let refused = validate(&service, validate_request(token, key.proof(&claims))).await;
        let refused = refused.expect_err(what);
        assert_status(&refused, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");
        let jwt = key.proof(&with("nonce", nonce_of(&refused).into()));
        validate(&service, validate_request(token, jwt))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn equivalent_uri_and_clock_skew_are_accepted() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let (token, nonce) = (issued.access_token.as_str(), issued.dpop_nonce.as_str());
    let with = |name: &str, value: Value| {
        let mut claims = validation_claims(&service, token, nonce);
        claims[name] = value;
        claims
    };
    let now = service.clock.now().unix_timestamp();
    let same = [
        with("htu", json!(format!("{RESOURCE}#fragment"))),
        with("htu", json!("HTTPS://API.example:443/orders?x")),
        with("iat", json!(now - 89)),
        with("iat", json!(now + 30)),
        with("unknown", json!(1)),
    ];
    for claims in same {
        let answer = validate(&service, validate_request(token, key.proof(&claims))).await;
        assert!(answer.is_ok(), "{claims}");
    }
}

#[tokio::test]
async fn proof_is_valid_once_and_nonce_expires() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let token = issued.access_token.as_str();
    let jwt = key.proof(&validation_claims(&service, token, &issued.dpop_nonce));
    validate(&service, validate_request(token, jwt.clone()))
        .await
        .unwrap();
    let again = validate(&service, validate_request(token, jwt))
        .await
        .unwrap_err();
    assert_status(&again, Code::Unauthenticated, "DPOP_PROOF_INVALID");

    service.clock.advance(seconds(240));
    let old = key.proof(&validation_claims(&service, token, &issued.dpop_nonce));
    let refused = validate(&service, validate_request(token, old))
        .await
        .unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");
    assert_ne!(nonce_of(&refused), issued.dpop_nonce);
}

#[tokio::test]
async fn proof_is_not_valid_again_after_restart() {
    let service = service().await;
    let key = Key::p256();
    let issued = bound_tokens(&service, &key).await;
    let token = issued.access_token.as_str();
    let jwt = key.proof(&validation_claims(&service, token, &issued.dpop_nonce));
    validate(&service, validate_request(token, jwt.clone()))
        .await
        .unwrap();
    let service = service.restart().await;
    let replayed = validate(&service, validate_request(token, jwt))
        .await
        .unwrap_err();
    assert_status(&replayed, Code::Unauthenticated, "DPOP_NONCE_REQUIRED");
    let jwt = key.proof(&validation_claims(&service, token, &nonce_of(&replayed)));
    validate(&service, validate_request(token, jwt))
        .await
        .unwrap();
}

#[tokio::test]
async fn stated_method_and_uri_count_from_web_service_only() {
    let service = service().await;
    let key = Key::p256();
    let elsewhere = json!({
        "jti": fresh_id(),
        "htm": "POST",
        "htu": "https://id.example/api/login",
        "iat": service.clock.now().unix_timestamp(),
    });
    let request = |ticket: &str| IssueTokenRequest {
        dpop: Some(DpopProof {
            jwt: key.proof(&elsewhere),
            http_method: "POST".to_owned(),
            http_uri: "https://id.example/api/login".to_owned(),
        }),
        ..with_ticket(ticket, "profile")
    };
    let ticket = service.login("ada").await.login_ticket;
    let refused = service.try_issue(request(&ticket)).await.unwrap_err();
    assert_status(&refused, Code::Unauthenticated, "DPOP_PROOF_INVALID");
    let stated = from_web_service(request(&ticket));
    assert_eq!(service.try_issue(stated).await.unwrap().token_type, "DPoP");
}
