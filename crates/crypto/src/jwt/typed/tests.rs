use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_identity::{
    key::{
        Algorithm::{self, EdDsa, Es256, Rs256},
        PublicKey, StoredSigningKey,
    },
    token::{AccessTokens as _, TokenError},
};
use jsonwebtoken::{EncodingKey, crypto};
use secrecy::SecretBox;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    jwt::{Jwts, MAX_LENGTH},
    key_ring::KeyRing,
    seal::Sealer,
    signing_key::{self, generate},
    subject_ids,
};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn sealer() -> Sealer {
    Sealer::new(&SecretBox::new(Box::new([9; 32])))
}

fn stored(algorithm: Algorithm) -> StoredSigningKey {
    generate(algorithm, &sealer(), NOW, NOW).unwrap()
}

fn jwts(keys: &[StoredSigningKey]) -> Jwts {
    let ring = KeyRing::open(keys.to_vec(), EdDsa, &sealer()).unwrap();
    Jwts::new(ring, Arc::new(subject_ids::tests::key(9)))
}

/// A key of each algorithm. An RSA key takes long to generate.
static KEYS: LazyLock<[StoredSigningKey; 3]> = LazyLock::new(|| Algorithm::ALL.map(stored));

fn claims() -> Value {
    json!({"iss": "https://id.example", "sub": "7", "aud": "orders", "exp": 1, "nested": {"a": [1]}})
}

fn encode(content: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(content)
}

fn header(alg: &str, kid: &str) -> Value {
    json!({"alg": alg, "typ": "JWT", "kid": kid})
}

/// Signs any header and payload by this key.
fn forge(key: &StoredSigningKey, header: &str, payload: &str) -> String {
    let opened = signing_key::open(key, &sealer()).unwrap();
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = opened.sign(message.as_bytes()).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn token_of_each_algorithm_is_verified() {
    let keys = &*KEYS;
    let jwts = jwts(keys);
    for (algorithm, key) in Algorithm::ALL.into_iter().zip(keys) {
        let token = jwts.sign_with(algorithm, NOW, "JWT", &claims()).unwrap();
        let (header, _) = token.split_once('.').unwrap();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let expected = json!({"typ": "JWT", "alg": algorithm.as_str(), "kid": key.kid});
        assert_eq!(header, expected);
        let verified = jwts.verify_signature(&token, "JWT").map(Value::Object);
        assert_eq!(verified, Some(claims()), "{algorithm}");
    }
}

#[test]
fn token_is_signed_by_the_latest_started_key_of_its_algorithm_only() {
    let hour = Duration::from_hours(1);
    let later = generate(Es256, &sealer(), NOW, NOW + hour).unwrap();
    let (first, access) = (stored(Es256), stored(EdDsa));
    let jwts = jwts(&[access, first.clone(), later.clone()]);
    let kid = |at| {
        let token = jwts.sign_with(Es256, at, "JWT", &claims()).unwrap();
        jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
    };
    assert_eq!(kid(NOW), first.kid);
    assert_eq!(kid(NOW + hour), later.kid);
    let error = jwts.sign_with(Rs256, NOW, "JWT", &claims()).unwrap_err();
    assert!(error.to_string().contains("RS256"), "{error}");
}

#[test]
fn token_is_no_access_token_and_back() {
    let keys = &*KEYS;
    let jwts = jwts(keys);
    for algorithm in Algorithm::ALL {
        let token = jwts.sign_with(algorithm, NOW, "JWT", &claims()).unwrap();
        assert_eq!(jwts.verify(&token), Err(TokenError::Malformed));
        assert_eq!(jwts.verify_signature(&token, "logout+jwt"), None);
        assert_eq!(jwts.verify_signature(&token, "jwt"), None);
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
            let signed = jwts.sign_with(algorithm, NOW, typ, &claims());
            assert!(signed.is_err(), "{typ}");
        }
    }
    for key in keys {
        let alg = key.public_key.algorithm().as_str();
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": key.kid}).to_string();
        let access_token = forge(key, &header, &claims().to_string());
        assert_eq!(jwts.verify_signature(&access_token, "JWT"), None);
        assert_eq!(jwts.verify_signature(&access_token, "at+jwt"), None);
    }
}

#[test]
fn token_with_another_algorithm_or_key_than_its_kid_is_rejected() {
    let keys = &*KEYS;
    let jwts = jwts(keys);
    let payload = claims().to_string();
    for signer in keys {
        for named in keys {
            for alg in ["EdDSA", "ES256", "RS256", "Ed25519", "HS256", "none"] {
                let token = forge(signer, &header(alg, &named.kid).to_string(), &payload);
                let is_own = signer == named && alg == signer.public_key.algorithm().as_str();
                let is_verified = jwts.verify_signature(&token, "JWT").is_some();
                assert_eq!(is_verified, is_own, "{alg}");
            }
        }
        let unknown = stored(EdDsa);
        let token = forge(&unknown, &header("EdDSA", &unknown.kid).to_string(), "{}");
        assert_eq!(jwts.verify_signature(&token, "JWT"), None);
    }
}

#[test]
fn token_with_the_public_key_as_secret_is_rejected() {
    let key = &KEYS[2];
    let jwts = jwts(std::slice::from_ref(key));
    let PublicKey::Rsa { n, .. } = &key.public_key else {
        panic!("an RSA key was made");
    };
    for alg in ["HS256", "RS256"] {
        let header = encode(header(alg, &key.kid).to_string());
        let message = format!("{header}.{}", encode(claims().to_string()));
        let secret = EncodingKey::from_secret(n);
        let signature = crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256);
        let token = format!("{message}.{}", signature.unwrap());
        assert_eq!(jwts.verify_signature(&token, "JWT"), None, "{alg}");
    }
}

#[test]
fn other_header_is_rejected() {
    for key in &*KEYS {
        let jwts = jwts(std::slice::from_ref(key));
        let good = header(key.public_key.algorithm().as_str(), &key.kid);
        let with = |name: &str, value: Value| {
            let mut header = good.clone();
            header[name] = value;
            header.to_string()
        };
        let without = |name: &str| {
            let mut header = good.clone();
            header.as_object_mut().unwrap().remove(name);
            header.to_string()
        };
        let headers = [
            with("crit", json!(["exp"])),
            with("b64", false.into()),
            with("jwk", json!({})),
            with("jku", "https://evil.example".into()),
            with("x5c", json!([])),
            with("cty", "JWT".into()),
            without("typ"),
            without("kid"),
            without("alg"),
            good.to_string().replacen('{', r#"{"typ":"JWT","#, 1),
            "[]".to_owned(),
        ];
        for header in headers {
            let token = forge(key, &header, &claims().to_string());
            assert_eq!(jwts.verify_signature(&token, "JWT"), None, "{header}");
        }
        let token = forge(key, &good.to_string(), "{}");
        assert!(jwts.verify_signature(&token, "JWT").is_some());
    }
}

#[test]
fn other_payload_or_serialization_is_rejected() {
    for key in &*KEYS {
        let jwts = jwts(std::slice::from_ref(key));
        let header = header(key.public_key.algorithm().as_str(), &key.kid).to_string();
        for payload in [
            "[]",
            "1",
            "",
            "{}{}",
            r#"{"a":1,"a":1}"#,
            r#"{"o":{"a":1,"a":1}}"#,
        ] {
            let token = forge(key, &header, payload);
            assert_eq!(jwts.verify_signature(&token, "JWT"), None, "{payload}");
        }
        let token = forge(key, &header, "{}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        for text in [
            String::new(),
            "..".into(),
            message.to_owned(),
            format!("{message}."),
            format!("{token}.{signature}"),
            format!("{token}="),
            format!(" {token}"),
            format!("{message}=.{signature}"),
            format!("{message}.{}", &signature[4..]),
        ] {
            assert_eq!(jwts.verify_signature(&text, "JWT"), None, "{text}");
        }
        let padding = "a".repeat(MAX_LENGTH);
        let long = forge(key, &header, &json!({"a": padding}).to_string());
        assert_eq!(jwts.verify_signature(&long, "JWT"), None);
    }
}

#[test]
fn signature_with_a_changed_byte_is_rejected() {
    for key in &*KEYS {
        let jwts = jwts(std::slice::from_ref(key));
        let algorithm = key.public_key.algorithm();
        let token = jwts.sign_with(algorithm, NOW, "JWT", &claims()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for byte in 0..signature.len() {
            let mut other = signature.clone();
            other[byte] ^= 1;
            let forged = format!("{message}.{}", encode(other));
            assert_eq!(jwts.verify_signature(&forged, "JWT"), None, "{algorithm}");
        }
    }
}
