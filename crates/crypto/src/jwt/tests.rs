use std::time::Duration;

use holdfast_identity::{
    authentication::{AssuranceLevel, Factors},
    id::{GrantId, Jti, Sid, UserId},
    key::Algorithm,
    token::Scope,
};
use jsonwebtoken::{EncodingKey, crypto};
use secrecy::SecretBox;
use serde_json::{Value, json};

use super::*;
use crate::{
    seal::Sealer,
    signing_key::{self, generate},
    subject_ids,
};

fn sealer() -> Sealer {
    Sealer::new(&SecretBox::new(Box::new([9; 32])))
}

fn stored(algorithm: Algorithm) -> StoredSigningKey {
    let epoch = OffsetDateTime::UNIX_EPOCH;
    generate(algorithm, &sealer(), epoch, epoch).unwrap()
}

fn jwts(keys: &[StoredSigningKey], algorithm: Algorithm) -> Jwts {
    let ring = KeyRing::open(keys.to_vec(), algorithm, &sealer()).unwrap();
    Jwts::new(ring, Arc::new(subject_ids::tests::key(9)))
}

fn claims() -> Claims {
    let issued_at = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    Claims {
        issuer: "https://id.example".into(),
        person: Some(Person {
            subject: UserId::from_bytes([1; 16]),
            sid: Sid::from_bytes([2; 16]),
            ids: SubjectIds::public(UserId::from_bytes([1; 16]), Sid::from_bytes([2; 16])),
            sector: None,
            grant: GrantId::from_bytes([2; 16]),
            username: "ada".parse().unwrap(),
            authenticated_at: issued_at,
            factors: Factor::Password.into(),
        }),
        audience: "https://api.example".into(),
        client_id: "first-party".into(),
        jti: Jti::from_bytes([3; 16]),
        scopes: [Scope::Profile].into_iter().collect(),
        issued_at,
        expires_at: issued_at + Duration::from_mins(15),
        key: None,
    }
}

/// Signs any header and payload with the valid key, so that only strict parsing can reject the result.
fn forge(key: &StoredSigningKey, header: &str, payload: &str) -> String {
    let opened = signing_key::open(key, &sealer()).unwrap();
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = opened.sign(message.as_bytes()).unwrap();
    format!("{message}.{signature}")
}

fn header(key: &StoredSigningKey) -> Value {
    json!({"alg": key.public_key.algorithm().as_str(), "typ": "at+jwt", "kid": key.kid})
}

fn payload() -> Value {
    serde_json::to_value(StrictClaims::from(&claims())).unwrap()
}

fn with(mut object: Value, name: &str, value: Value) -> String {
    object[name] = value;
    object.to_string()
}

fn without(mut object: Value, name: &str) -> String {
    object.as_object_mut().unwrap().remove(name);
    object.to_string()
}

#[test]
fn token_of_each_algorithm_is_opened() {
    let keys = [stored(Algorithm::EdDsa), stored(Algorithm::Es256)];
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let jwts = jwts(&keys, algorithm);
        let token = jwts.sign(&claims()).unwrap();
        assert_eq!(jwts.verify(&token), Ok(Arc::new(claims())), "{algorithm}");
    }
}

#[test]
fn pairwise_identifiers_are_resolved_for_their_sector() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    let mut pairwise = claims();
    let person = pairwise.person.as_mut().unwrap();
    let sector = "app.example".parse().ok();
    person.ids = subject_ids::tests::key(9).encode(sector.as_ref(), person.subject, person.sid);
    person.sector = sector;
    person.grant = GrantId::from_bytes([5; 16]);
    let token = jwts.sign(&pairwise).unwrap();
    assert_eq!(jwts.verify(&token), Ok(Arc::new(pairwise.clone())));

    let payload = serde_json::to_value(StrictClaims::from(&pairwise)).unwrap();
    let person = pairwise.person.unwrap();
    let text = payload.to_string();
    for hidden in [person.subject.to_string(), person.sid.to_string()] {
        assert!(!text.contains(&hidden), "{text}");
    }
    let elsewhere = with(payload.clone(), "sector", "shop.example".into());
    let elsewhere = forge(&key, &header(&key).to_string(), &elsewhere);
    let elsewhere = jwts.verify(&elsewhere).unwrap().person.clone().unwrap();
    assert!(elsewhere.subject != person.subject && elsewhere.sid != person.sid);
    for invalid in [
        with(payload.clone(), "sector", "".into()),
        without(payload, "sid"),
    ] {
        let token = forge(&key, &header(&key).to_string(), &invalid);
        assert_eq!(jwts.verify(&token), Err(TokenError::Malformed), "{invalid}");
    }
}

#[test]
fn superseded_key_still_verifies() {
    let keys = [stored(Algorithm::EdDsa), stored(Algorithm::Es256)];
    let old = jwts(&keys, Algorithm::Es256).sign(&claims()).unwrap();
    assert_eq!(
        jwts(&keys, Algorithm::EdDsa).verify(&old),
        Ok(Arc::new(claims()))
    );
}

#[test]
fn token_of_another_key_is_rejected_with_any_kid() {
    let (ours, theirs) = (stored(Algorithm::EdDsa), stored(Algorithm::EdDsa));
    let jwts = jwts(std::slice::from_ref(&ours), Algorithm::EdDsa);
    let unknown = forge(
        &theirs,
        &header(&theirs).to_string(),
        &payload().to_string(),
    );
    assert_eq!(jwts.verify(&unknown), Err(TokenError::BadSignature));
    let disguised = forge(&theirs, &header(&ours).to_string(), &payload().to_string());
    assert_eq!(jwts.verify(&disguised), Err(TokenError::BadSignature));
}

#[test]
fn long_type_is_accepted_in_any_case() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    for typ in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/AT+jwt",
    ] {
        let token = forge(
            &key,
            &with(header(&key), "typ", typ.into()),
            &payload().to_string(),
        );
        assert_eq!(jwts.verify(&token), Ok(Arc::new(claims())), "{typ}");
    }
}

#[test]
fn other_header_is_malformed() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    let good = header(&key);
    let twice = good.to_string().replacen('{', r#"{"typ":"at+jwt","#, 1);
    let headers = [
        with(good.clone(), "typ", "JWT".into()),
        with(good.clone(), "typ", "dpop+jwt".into()),
        with(good.clone(), "alg", "none".into()),
        with(good.clone(), "alg", "HS256".into()),
        with(good.clone(), "alg", "ES256".into()),
        with(good.clone(), "crit", json!(["exp"])),
        with(good.clone(), "b64", false.into()),
        with(good.clone(), "zip", "DEF".into()),
        with(good.clone(), "jwk", json!({})),
        with(good.clone(), "jku", "https://evil.example".into()),
        with(good.clone(), "x5u", "https://evil.example".into()),
        with(good.clone(), "x5c", json!([])),
        without(good.clone(), "kid"),
        without(good.clone(), "typ"),
        twice,
        "[]".to_owned(),
    ];
    for header in &headers {
        let token = forge(&key, header, &payload().to_string());
        assert_eq!(jwts.verify(&token), Err(TokenError::Malformed), "{header}");
    }
}

#[test]
fn access_token_is_neither_signed_nor_verified_with_rsa() {
    let (rsa, own) = (stored(Algorithm::Rs256), stored(Algorithm::EdDsa));
    let token = forge(&rsa, &header(&rsa).to_string(), &payload().to_string());
    let alone = jwts(std::slice::from_ref(&rsa), Algorithm::Rs256);
    let both = jwts(&[rsa, own], Algorithm::EdDsa);
    for jwts in [&alone, &both] {
        assert_eq!(jwts.verify(&token), Err(TokenError::BadSignature));
    }
    assert!(alone.sign(&claims()).is_err());
    assert!(both.sign(&claims()).is_ok());
}

#[test]
fn other_payload_is_malformed() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    let required = [
        "iss",
        "sub",
        "aud",
        "client_id",
        "sid",
        "jti",
        "scope",
        "iat",
        "exp",
        "auth_time",
    ];
    let mut payloads: Vec<_> = required
        .iter()
        .map(|name| without(payload(), name))
        .collect();
    payloads.extend([
        with(payload(), "exp", json!(1_700_000_900.5)),
        with(payload(), "exp", json!("1700000900")),
        with(payload(), "exp", json!(1e300)),
        with(payload(), "aud", json!(["https://api.example"])),
        with(payload(), "sub", json!("another")),
        with(payload(), "cnf", json!({"jkt": "x"})),
        payload().to_string().replacen('{', r#"{"sub":"x","#, 1),
        payload().to_string() + "{}",
    ]);
    for payload in payloads {
        let token = forge(&key, &header(&key).to_string(), &payload);
        assert_eq!(jwts.verify(&token), Err(TokenError::Malformed), "{payload}");
    }
}

#[test]
fn other_serialization_is_malformed() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    let token = jwts.sign(&claims()).unwrap();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        head.to_owned(),
        format!("{token}.{signature}"),
        format!("{header}=.{payload}.{signature}"),
        format!(" {token}"),
        format!("{header}.{payload} .{signature}"),
        format!("{token}{}", "A".repeat(MAX_LENGTH)),
    ] {
        assert_eq!(jwts.verify(&text), Err(TokenError::Malformed), "{text}");
    }
    for text in [
        format!("{head}."),
        format!("{token}A"),
        format!("{token}="),
        format!("{head}.{}", "A".repeat(86)),
        format!("{head}.{}", &signature[..80]),
    ] {
        assert_eq!(jwts.verify(&text), Err(TokenError::BadSignature), "{text}");
    }
}

#[test]
fn signature_with_a_changed_bit_is_rejected() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let jwts = jwts(&[stored(algorithm)], algorithm);
        let token = jwts.sign(&claims()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for bit in 0..signature.len() * 8 {
            let mut other = signature.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(other));
            assert_eq!(
                jwts.verify(&forged),
                Err(TokenError::BadSignature),
                "{algorithm}, bit {bit}"
            );
        }
    }
}

#[test]
fn token_signed_with_the_public_key_as_secret_is_rejected() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    let holdfast_identity::key::PublicKey::Ed25519 { x } = key.public_key else {
        panic!("an Ed25519 key was made");
    };
    let header = with(header(&key), "alg", "HS256".into());
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload().to_string())
    );
    let secret = EncodingKey::from_secret(&x);
    let signature =
        crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256).unwrap();
    assert_eq!(
        jwts.verify(&format!("{message}.{signature}")),
        Err(TokenError::Malformed)
    );
}

#[test]
fn verified_token_is_cached_until_its_key_is_removed() {
    let keys = [stored(Algorithm::EdDsa), stored(Algorithm::EdDsa)];
    let ring = |keys: &[StoredSigningKey]| {
        KeyRing::open(keys.to_vec(), Algorithm::EdDsa, &sealer()).unwrap()
    };
    let jwts = jwts(&keys[..1], Algorithm::EdDsa);
    let token = jwts.sign(&claims()).unwrap();
    assert!(jwts.verified.is_empty());
    let first = jwts.verify(&token).unwrap();
    assert!(Arc::ptr_eq(&first, &jwts.verify(&token).unwrap()));
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", "A".repeat(86));
    assert_eq!(jwts.verify(&forged), Err(TokenError::BadSignature));
    assert_eq!(jwts.verified.len(), 1);

    jwts.replace(ring(&keys[1..]));
    assert_eq!(jwts.verify(&token), Err(TokenError::BadSignature));
    jwts.replace(ring(&keys));
    assert!(jwts.verify(&token).is_ok());
}

#[test]
fn factors_are_claims_where_they_are_several() {
    let key = stored(Algorithm::EdDsa);
    let jwts = jwts(std::slice::from_ref(&key), Algorithm::EdDsa);
    assert!(payload().get("amr").is_none() && payload().get("acr").is_none());
    let mut strong = claims();
    let factors = Factors::from(Factor::Password).with(Factor::Totp);
    strong.person.as_mut().unwrap().factors = factors;
    let value = serde_json::to_value(StrictClaims::from(&strong)).unwrap();
    assert_eq!(value["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(value["acr"], "aal2");
    let verified = jwts.verify(&jwts.sign(&strong).unwrap()).unwrap();
    assert_eq!(*verified, strong);

    // Factors of a later version do not count.
    let later = with(value, "amr", json!(["pwd", "iris", "mfa"]));
    let verified = jwts.verify(&forge(&key, &header(&key).to_string(), &later));
    assert_eq!(verified.unwrap().level(), Some(AssuranceLevel::Aal1));
    let nobody = StrictClaims {
        amr: Some(vec!["pwd".to_owned()]),
        sub: "orders".to_owned(),
        client_id: "orders".to_owned(),
        ..StrictClaims::from(&Claims {
            person: None,
            ..claims()
        })
    };
    let nobody = serde_json::to_string(&nobody).unwrap();
    let refused = jwts.verify(&forge(&key, &header(&key).to_string(), &nobody));
    assert_eq!(refused.unwrap_err(), TokenError::Malformed);
}
