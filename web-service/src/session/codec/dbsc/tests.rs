use aws_lc_rs::{
    rand::SystemRandom as SignatureRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair as _,
    },
};
use holdfast_crypto::random::SystemRandom;
use secrecy::SecretBox;
use serde_json::{Value, json};

use super::*;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn codec(byte: u8) -> DbscCodec {
    let key = SecretBox::new(Box::new([byte; 32]));
    DbscCodec::new(&key, Arc::new(SystemRandom))
}

struct Device(EcdsaKeyPair);

impl Device {
    fn new(algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        Self(EcdsaKeyPair::generate(algorithm).unwrap())
    }

    fn fixed() -> Self {
        Self::new(&ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn key(&self) -> DeviceKey {
        DeviceKey(self.0.public_key().as_ref()[1..].try_into().unwrap())
    }

    fn jwk(&self) -> Value {
        let DeviceKey(point) = self.key();
        let half = |half: &[u8]| URL_SAFE_NO_PAD.encode(half);
        json!({"kty": "EC", "crv": "P-256", "x": half(&point[..32]), "y": half(&point[32..])})
    }

    fn sign(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(payload));
        let signature = self.0.sign(&SignatureRandom::new(), message.as_bytes());
        format!(
            "{message}.{}",
            URL_SAFE_NO_PAD.encode(signature.unwrap().as_ref())
        )
    }
}

#[test]
fn challenge_is_valid_for_its_session_and_purpose_only() {
    let challenge = codec(1).challenge(ChallengePurpose::Registration, "a", NOW);
    let opened = codec(1).open_challenge(ChallengePurpose::Registration, "a", &challenge);
    assert_eq!(opened.unwrap().made_at, NOW);
    let wrong = [
        (2, ChallengePurpose::Registration, "a"),
        (1, ChallengePurpose::Refresh, "a"),
        (1, ChallengePurpose::Registration, "b"),
        (1, ChallengePurpose::Registration, ""),
    ];
    for (key, purpose, sid) in wrong {
        let opened = codec(key).open_challenge(purpose, sid, &challenge);
        assert_eq!(opened, None, "{key} {purpose:?} {sid}");
    }
    let another = codec(1).challenge(ChallengePurpose::Registration, "a", NOW);
    assert_ne!(challenge, another);
}

#[test]
fn proof_cookie_is_valid_for_its_session_and_key_only() {
    let (key, other) = (DeviceKey([1; 64]), DeviceKey([2; 64]));
    let cookie = codec(1).proof_cookie("a", &key, NOW);
    assert_eq!(codec(1).open_proof_cookie("a", &key, &cookie), Some(NOW));
    assert_eq!(codec(1).open_proof_cookie("a", &other, &cookie), None);
    assert_eq!(codec(1).open_proof_cookie("b", &key, &cookie), None);
    assert_eq!(codec(2).open_proof_cookie("a", &key, &cookie), None);
    let challenge = codec(1).challenge(ChallengePurpose::Refresh, "a", NOW);
    assert_eq!(codec(1).open_proof_cookie("a", &key, &challenge), None);
}

#[test]
fn registration_contains_key_and_refresh_does_not() {
    let device = Device::fixed();
    let payload = json!({"jti": "c"});
    let with_key = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": device.jwk()});
    let without = json!({"alg": "ES256", "typ": "dbsc+jwt"});

    let registration = codec(1).registration(&device.sign(&with_key, &payload));
    let expected = Registration {
        key: device.key(),
        challenge: "c".into(),
    };
    assert_eq!(registration, Some(expected));
    let refresh = device.sign(&without, &payload);
    assert_eq!(
        codec(1).refresh(&refresh, &device.key()).as_deref(),
        Some("c")
    );

    assert_eq!(codec(1).registration(&refresh), None);
    let extra = device.sign(&with_key, &payload);
    assert_eq!(codec(1).refresh(&extra, &device.key()), None);
    let other = Device::fixed();
    assert_eq!(codec(1).refresh(&refresh, &other.key()), None);
}

#[test]
fn malformed_proof_is_refused() {
    let device = Device::fixed();
    let key = device.key();
    let payload = json!({"jti": "c"});
    for header in [
        json!({"alg": "none", "typ": "dbsc+jwt"}),
        json!({"alg": "HS256", "typ": "dbsc+jwt"}),
        json!({"alg": "RS256", "typ": "dbsc+jwt"}),
        json!({"alg": "es256", "typ": "dbsc+jwt"}),
        json!({"alg": "ES256", "typ": "JWT"}),
        json!({"alg": "ES256", "typ": "dpop+jwt"}),
        json!({"alg": "ES256"}),
        json!({"alg": "ES256", "typ": "dbsc+jwt", "crit": ["b64"]}),
    ] {
        let jwt = device.sign(&header, &payload);
        assert_eq!(codec(1).refresh(&jwt, &key), None, "{header}");
    }
    let header = json!({"alg": "ES256", "typ": "dbsc+jwt"});
    for payload in [json!({}), json!({"jti": 1}), json!("c")] {
        let jwt = device.sign(&header, &payload);
        assert_eq!(codec(1).refresh(&jwt, &key), None, "{payload}");
    }
    let jwt = device.sign(&header, &payload);
    let (message, _) = jwt.rsplit_once('.').unwrap();
    for junk in [
        String::new(),
        message.to_owned(),
        format!("{message}."),
        format!("{jwt}="),
        format!("{jwt}.x"),
        "x".repeat(MAX_LENGTH + 1),
    ] {
        assert_eq!(codec(1).refresh(&junk, &key), None, "{junk}");
    }
}

#[test]
fn signature_in_der_is_refused() {
    let device = Device::new(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let header = json!({"alg": "ES256", "typ": "dbsc+jwt"});
    let jwt = device.sign(&header, &json!({"jti": "c"}));
    assert_eq!(codec(1).refresh(&jwt, &device.key()), None);
}

#[test]
fn key_must_be_public_point_on_the_curve() {
    let device = Device::fixed();
    let good = device.jwk();
    let with = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        jwk
    };
    for jwk in [
        with("kty", json!("RSA")),
        with("crv", json!("P-384")),
        with("x", json!("AAAA")),
        with("x", json!(format!("{}=", good["x"].as_str().unwrap()))),
        with("y", good["x"].clone()),
        with("x", json!("")),
        with("d", json!("AAAA")),
        with("k", json!("AAAA")),
        with("alg", json!("EdDSA")),
        with("use", json!("enc")),
        with("key_ops", json!(["deriveBits"])),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": good["x"]}),
        json!({"kty": "EC", "crv": "P-256"}),
    ] {
        let header = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": jwk});
        let jwt = device.sign(&header, &json!({"jti": "c"}));
        assert_eq!(codec(1).registration(&jwt), None, "{jwk}");
    }
}
