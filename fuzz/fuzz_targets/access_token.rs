//! Access tokens: any text, and any header and claims with a valid signature. A token that is accepted must have the canonical
//! encoding.
#![no_main]

use std::sync::{Arc, LazyLock};

use auth_service::app::install_crypto_providers;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_crypto::{
    jwt::Jwts, key_ring::KeyRing, seal::Sealer, signing_key::generate, subject_ids::SubjectIdKey,
};
use holdfast_identity::{key::Algorithm, token::AccessTokens as _};
use jsonwebtoken::EncodingKey;
use libfuzzer_sys::fuzz_target;
use secrecy::SecretBox;
use time::OffsetDateTime;

struct Issuer {
    jwts: Jwts,
    kid: String,
    key: EncodingKey,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    install_crypto_providers();
    let sealer = Sealer::new(&SecretBox::new(Box::new([9; 32])));
    let epoch = OffsetDateTime::UNIX_EPOCH;
    let stored = generate(Algorithm::EdDsa, &sealer, epoch, epoch).unwrap();
    let private_key = sealer
        .open(&stored.kid, &stored.sealed_private_key)
        .unwrap();
    Issuer {
        kid: stored.kid.clone(),
        key: EncodingKey::from_ed_der(&private_key),
        jwts: Jwts::new(
            KeyRing::open(vec![stored], Algorithm::EdDsa, &sealer).unwrap(),
            Arc::new(SubjectIdKey::new(&vec![7; 32].into())),
        ),
    }
});

fn signed(header: &[u8], payload: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let algorithm = jsonwebtoken::Algorithm::EdDSA;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &ISSUER.key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(ISSUER.jwts.verify(text).is_err(), "nobody else can sign");
    }
    let own = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, ISSUER.kid);
    let (header, payload) = match data.split_first() {
        Some((0, rest)) => rest.split_at(rest.len() / 2),
        _ => (own.as_bytes(), data),
    };
    if let Ok(claims) = ISSUER.jwts.verify(&signed(header, payload)) {
        let again = ISSUER
            .jwts
            .sign(&claims)
            .expect("what was read can be written");
        assert_eq!(ISSUER.jwts.verify(&again).expect("and read again"), claims);
    }
});
