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

fn proofs(byte: u8) -> DbscCodec {
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
fn a_challenge_is_good_for_its_session_and_purpose_only() {
    let challenge = proofs(1).challenge(Purpose::Bind, "a", NOW);
    let opened = proofs(1).open_challenge(Purpose::Bind, "a", &challenge);
    assert_eq!(opened.unwrap().made_at, NOW);
    let wrong = [
        (2, Purpose::Bind, "a"),
        (1, Purpose::Renew, "a"),
        (1, Purpose::Bind, "b"),
        (1, Purpose::Bind, ""),
    ];
    for (key, purpose, sid) in wrong {
        let opened = proofs(key).open_challenge(purpose, sid, &challenge);
        assert_eq!(opened, None, "{key} {purpose:?} {sid}");
    }
    let another = proofs(1).challenge(Purpose::Bind, "a", NOW);
    assert_ne!(challenge, another);
}

#[test]
fn a_ticket_is_good_for_its_session_and_key_only() {
    let (key, other) = (DeviceKey([1; 64]), DeviceKey([2; 64]));
    let ticket = proofs(1).ticket("a", &key, NOW);
    assert_eq!(proofs(1).open_ticket("a", &key, &ticket), Some(NOW));
    assert_eq!(proofs(1).open_ticket("a", &other, &ticket), None);
    assert_eq!(proofs(1).open_ticket("b", &key, &ticket), None);
    assert_eq!(proofs(2).open_ticket("a", &key, &ticket), None);
    let challenge = proofs(1).challenge(Purpose::Renew, "a", NOW);
    assert_eq!(proofs(1).open_ticket("a", &key, &challenge), None);
}

#[test]
fn a_registration_brings_its_key_and_a_renewal_none() {
    let device = Device::fixed();
    let said = json!({"jti": "c"});
    let with_key = json!({"alg": "ES256", "typ": "dbsc+jwt", "jwk": device.jwk()});
    let without = json!({"alg": "ES256", "typ": "dbsc+jwt"});

    let registration = proofs(1).registration(&device.sign(&with_key, &said));
    let expected = Registration {
        key: device.key(),
        challenge: "c".into(),
    };
    assert_eq!(registration, Some(expected));
    let renewal = device.sign(&without, &said);
    assert_eq!(
        proofs(1).renewal(&renewal, &device.key()).as_deref(),
        Some("c")
    );

    assert_eq!(proofs(1).registration(&renewal), None);
    let extra = device.sign(&with_key, &said);
    assert_eq!(proofs(1).renewal(&extra, &device.key()), None);
    let other = Device::fixed();
    assert_eq!(proofs(1).renewal(&renewal, &other.key()), None);
}

#[test]
fn whatever_is_not_written_as_it_should_be_is_no_proof() {
    let device = Device::fixed();
    let key = device.key();
    let said = json!({"jti": "c"});
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
        let jwt = device.sign(&header, &said);
        assert_eq!(proofs(1).renewal(&jwt, &key), None, "{header}");
    }
    let header = json!({"alg": "ES256", "typ": "dbsc+jwt"});
    for payload in [json!({}), json!({"jti": 1}), json!("c")] {
        let jwt = device.sign(&header, &payload);
        assert_eq!(proofs(1).renewal(&jwt, &key), None, "{payload}");
    }
    let jwt = device.sign(&header, &said);
    let (message, _) = jwt.rsplit_once('.').unwrap();
    for junk in [
        String::new(),
        message.to_owned(),
        format!("{message}."),
        format!("{jwt}="),
        format!("{jwt}.x"),
        "x".repeat(MAX_LENGTH + 1),
    ] {
        assert_eq!(proofs(1).renewal(&junk, &key), None, "{junk}");
    }
}

#[test]
fn a_signature_in_der_is_none() {
    let device = Device::new(&ECDSA_P256_SHA256_ASN1_SIGNING);
    let header = json!({"alg": "ES256", "typ": "dbsc+jwt"});
    let jwt = device.sign(&header, &json!({"jti": "c"}));
    assert_eq!(proofs(1).renewal(&jwt, &device.key()), None);
}

#[test]
fn a_key_is_a_public_one_on_the_curve() {
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
        assert_eq!(proofs(1).registration(&jwt), None, "{jwk}");
    }
}
