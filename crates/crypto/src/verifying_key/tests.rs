use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde_json::{Value, json};

use super::*;

/// RFC 8037 appendix A.2.
const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// RFC 7515 appendix A.3.1.
const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// The fields' orders, 2^255 - 19 in little-endian and that of P-256 in big-endian.
const ED25519_P: [u8; 32] = [
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
];
const P256_P: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519_X})
}

fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y})
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn parse(jwk: &Value) -> Result<VerifyingKey, InvalidKey> {
    VerifyingKey::from_json(&jwk.to_string())
}

#[test]
fn public_jwk_is_parsed_and_serialized_canonically() {
    let accepted = [
        with(ed25519(), "kid", "a"),
        with(ed25519(), "alg", "EdDSA"),
        with(ed25519(), "alg", "Ed25519"),
        with(ed25519(), "use", "sig"),
        // The form that WebCrypto exports.
        with(
            with(ed25519(), "key_ops", vec!["verify"]),
            "ext",
            Value::Bool(true),
        ),
    ];
    for jwk in accepted {
        let key = parse(&jwk).unwrap();
        let expected = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{ED25519_X}"}}"#);
        assert_eq!(key.to_json(), expected);
        // RFC 8037 appendix A.3.
        assert_eq!(
            key.thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }
    let key = parse(&with(p256(), "alg", "ES256")).unwrap();
    let expected = format!(r#"{{"crv":"P-256","kty":"EC","x":"{P256_X}","y":"{P256_Y}"}}"#);
    assert_eq!(key.to_json(), expected);
    assert_eq!(VerifyingKey::from_json(&expected).unwrap().point, key.point);
}

#[test]
fn jwk_of_another_type_or_off_the_curve_is_rejected() {
    use InvalidKey::{Encoding, NotOnCurve, OtherPurpose, Private, Unsupported};
    let x = URL_SAFE_NO_PAD.decode(P256_X).unwrap();
    let short = encode(&x[1..]);
    let long = encode([&[0], x.as_slice()].concat());
    let zeros = encode([0; 32]);
    let mut off_curve = URL_SAFE_NO_PAD.decode(P256_Y).unwrap();
    off_curve[31] ^= 1;
    let cases = [
        (with(p256(), "y", encode(off_curve)), NotOnCurve),
        (with(p256(), "y", P256_X), NotOnCurve),
        (with(p256(), "x", encode(P256_P)), NotOnCurve),
        (with(p256(), "y", encode([0xff; 32])), NotOnCurve),
        // An encoding of the point at infinity that some libraries use.
        (
            with(with(p256(), "x", zeros.clone()), "y", zeros.clone()),
            NotOnCurve,
        ),
        (with(with(p256(), "x", ""), "y", ""), Encoding),
        (with(p256(), "x", short.clone()), Encoding),
        (with(p256(), "x", long.clone()), Encoding),
        (with(p256(), "x", format!("{P256_X}=")), Encoding),
        // The last character has bits that belong to no byte.
        (with(p256(), "x", P256_X.replace("VEU", "VEV")), Encoding),
        (with(ed25519(), "x", short), Encoding),
        (with(ed25519(), "x", long), Encoding),
        (with(ed25519(), "x", ""), Encoding),
        // There is no point with y = 2.
        (
            with(ed25519(), "x", encode([[2].as_slice(), &[0; 31]].concat())),
            NotOnCurve,
        ),
        (with(ed25519(), "x", encode([0xff; 32])), NotOnCurve),
        (with(ed25519(), "y", P256_Y), Unsupported),
        (with(ed25519(), "crv", "X25519"), Unsupported),
        (with(ed25519(), "crv", "Ed448"), Unsupported),
        (with(ed25519(), "crv", "P-256"), Unsupported),
        (with(ed25519(), "kty", "EC"), Unsupported),
        (with(p256(), "kty", "OKP"), Unsupported),
        (with(p256(), "crv", "Ed25519"), Unsupported),
        (with(p256(), "crv", "P-384"), Unsupported),
        (with(p256(), "crv", "secp256k1"), Unsupported),
        (with(p256(), "y", Value::Null), Unsupported),
        (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), Unsupported),
        (json!({"kty": "oct"}), Unsupported),
        (json!({"kty": "oct", "k": "AAAA"}), Private),
        (with(p256(), "alg", "EdDSA"), OtherPurpose),
        (with(p256(), "alg", "HS256"), OtherPurpose),
        (with(p256(), "alg", "none"), OtherPurpose),
        (with(ed25519(), "alg", "ES256"), OtherPurpose),
        (with(ed25519(), "use", "enc"), OtherPurpose),
        (with(p256(), "key_ops", vec!["deriveKey"]), OtherPurpose),
    ];
    for (jwk, expected) in cases {
        assert_eq!(parse(&jwk).unwrap_err(), expected, "{jwk}");
    }
    for name in ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] {
        for jwk in [ed25519(), p256()] {
            let jwk = with(jwk, name, "AAAA");
            assert_eq!(parse(&jwk).unwrap_err(), Private, "{jwk}");
        }
    }
}

#[test]
fn text_that_is_not_a_jwk_is_rejected() {
    let twice = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{ED25519_X}","x":"{ED25519_X}"}}"#);
    let set = json!({"keys": [ed25519()]}).to_string();
    for text in [
        "",
        "[]",
        "{}",
        "null",
        "-----BEGIN PUBLIC KEY-----",
        &set,
        &twice,
    ] {
        let error = VerifyingKey::from_json(text).unwrap_err();
        assert_eq!(error, InvalidKey::NoJwk, "{text}");
    }
    let typed = with(p256(), "x", 1);
    assert_eq!(parse(&typed).unwrap_err(), InvalidKey::NoJwk);
}

/// All encodings of the points whose order divides 8: each y coordinate with both signs, and where it is small enough also without
/// reduction.
fn small_order() -> Vec<[u8; 32]> {
    let mut encodings = Vec::new();
    for y in ed25519::SMALL_ORDER {
        let mut bytes = [0; 32];
        for (place, limb) in bytes.as_chunks_mut().0.iter_mut().zip(y) {
            *place = limb.to_le_bytes();
        }
        encodings.push(bytes);
    }
    for unreduced in [0, 1] {
        let mut bytes = ED25519_P;
        bytes[0] += unreduced;
        encodings.push(bytes);
    }
    let negative = encodings.clone().into_iter().map(|mut bytes| {
        bytes[31] |= 0x80;
        bytes
    });
    encodings.extend(negative.collect::<Vec<_>>());
    encodings
}

/// Whether a signature without the private key verifies: with R the neutral element and S = 0, where the challenge is a multiple of the
/// order of the key.
fn is_forged(key: &[u8; 32]) -> bool {
    let mut signature = [0; 64];
    signature[0] = 1;
    let key = UnparsedPublicKey::new(&ED25519, key);
    (0..200_u8).any(|message| key.verify(&[message], &signature).is_ok())
}

#[test]
fn point_of_small_order_is_rejected_in_every_encoding() {
    let encodings = small_order();
    assert_eq!(encodings.len(), 14);
    // Without the check, the library accepts a forged signature for each of the eight points.
    let forged = encodings.iter().filter(|encoding| is_forged(encoding));
    assert_eq!(forged.count(), 8);
    for encoding in encodings {
        let jwk = with(ed25519(), "x", encode(encoding));
        let error = parse(&jwk).unwrap_err();
        assert!(
            matches!(error, InvalidKey::SmallOrder | InvalidKey::NotOnCurve),
            "{encoding:x?}: {error}"
        );
    }
}

#[test]
fn generated_keys_are_accepted_and_half_of_all_coordinates_rejected() {
    for _ in 0..50 {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = pair.public_key().as_ref().try_into().unwrap();
        assert!(VerifyingKey::ed25519(x).is_ok(), "{x:x?}");
        assert!(!is_forged(&x));
    }
    let is_point = |first: &u8| {
        let mut x = [7; 32];
        x[0] = *first;
        VerifyingKey::ed25519(x).is_ok()
    };
    // 128 of 256 are expected; six standard deviations are 48.
    let points = (0..=u8::MAX).filter(is_point).count();
    assert!((80..=176).contains(&points), "{points}");
}

#[test]
fn signature_is_verified_only_with_an_algorithm_of_the_key() {
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let signed = p256.sign(&aws_lc_rs::rand::SystemRandom::new(), b"m");
    let point: [u8; 64] = p256.public_key().as_ref()[1..].try_into().unwrap();
    let (x, y) = point.split_at(32);
    let cases = [
        (
            VerifyingKey::ed25519(ed25519.public_key().as_ref().try_into().unwrap()).unwrap(),
            encode(ed25519.sign(b"m")),
            ["EdDSA", "Ed25519"].as_slice(),
        ),
        (
            VerifyingKey::p256(x.try_into().unwrap(), y.try_into().unwrap()).unwrap(),
            encode(signed.unwrap()),
            &["ES256"],
        ),
    ];
    for (key, signature, own) in cases {
        for alg in ["EdDSA", "Ed25519", "ES256", "HS256", "none", "es256", ""] {
            assert_eq!(
                key.verifies(alg, b"m", &signature),
                own.contains(&alg),
                "{alg}"
            );
        }
        assert!(!key.verifies(own[0], b"n", &signature));
        for malformed in [
            "",
            "AAAA",
            &signature[..80],
            &format!("{signature}A"),
            &format!("{signature}=="),
        ] {
            assert!(!key.verifies(own[0], b"m", malformed), "{malformed}");
        }
    }
}
