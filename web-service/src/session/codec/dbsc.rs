//! Challenges and tickets as MACs under the key that all instances share; proofs as JWTs of type `dbsc+jwt`, read strictly.

use std::sync::Arc;

use aws_lc_rs::{
    hmac,
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::{random::Random, secret_key::SecretKey};
use holdfast_crypto::{
    jws::Unverified,
    verifying_key::{Jwk, VerifyingKey},
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, de::IgnoredAny};
use time::OffsetDateTime;

use crate::session::device::{Challenge, DeviceKey, DeviceProofCodec, Purpose, Registration};

/// No longer proof is looked at.
const MAX_LENGTH: usize = 4 * 1024;
const TYPE: &str = "dbsc+jwt";
const ALGORITHM: &str = "ES256";

/// Keeps these MACs apart from all others under the same key.
const LABEL: &[u8] = b"holdfast device binding v1";

const TIME: usize = 8;
const NONCE: usize = 16;

/// Makes and reads challenges, proofs and tickets.
pub struct DbscCodec {
    key: hmac::Key,
    random: Arc<dyn Random>,
}

impl DbscCodec {
    /// Takes the key that all instances share.
    pub fn new(key: &SecretKey, random: Arc<dyn Random>) -> Self {
        let shared = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret());
        let own = hmac::sign(&shared, LABEL);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()),
            random,
        }
    }

    /// `body` and a MAC over it and over what it is for.
    fn seal(&self, context: &[u8], body: &[u8]) -> String {
        let mac = hmac::sign(&self.key, &[context, body].concat());
        URL_SAFE_NO_PAD.encode([body, mac.as_ref()].concat())
    }

    /// The body of this length of a text that was made here for this.
    fn open<const N: usize>(&self, context: &[u8], text: &str) -> Option<[u8; N]> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, mac) = bytes.split_at_checked(N)?;
        hmac::verify(&self.key, &[context, body].concat(), mac).ok()?;
        body.try_into().ok()
    }
}

/// What a MAC covers besides its body. The length of what varies comes first, so that no two contexts are the same bytes.
fn context(kind: u8, sid: &str, key: &[u8]) -> Vec<u8> {
    let length = u64::try_from(sid.len()).unwrap_or(u64::MAX).to_be_bytes();
    [&[kind], length.as_slice(), sid.as_bytes(), key].concat()
}

const fn kind(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::Bind => b'b',
        Purpose::Renew => b'r',
    }
}

fn time(seconds: &[u8]) -> Option<OffsetDateTime> {
    let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    jwk: Option<Jwk>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Payload {
    jti: String,
}

/// The key of a JWK, which has to be one of P-256.
fn device_key(jwk: &Jwk) -> Option<DeviceKey> {
    let (x, y) = VerifyingKey::try_from(jwk).ok()?.p256_coordinates()?;
    [x, y].concat().try_into().ok().map(DeviceKey)
}

/// A proof before its signature is checked.
struct Proof<'a> {
    header: Header,
    jwt: Unverified<'a>,
}

impl<'a> Proof<'a> {
    fn read(jwt: &'a str) -> Option<Self> {
        let jwt = Unverified::split(jwt, MAX_LENGTH)?;
        let header: Header = jwt.header()?;
        let is_ours = header.typ == TYPE && header.alg == ALGORITHM && header.crit.is_none();
        is_ours.then_some(Self { header, jwt })
    }

    /// The challenge that this key signed.
    fn challenge(&self, DeviceKey(point): &DeviceKey) -> Option<String> {
        let uncompressed = [&[4], point.as_slice()].concat();
        let signature = URL_SAFE_NO_PAD.decode(self.jwt.signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed)
            .verify(self.jwt.message.as_bytes(), &signature)
            .ok()?;
        let payload: Payload = self.jwt.payload()?;
        Some(payload.jti)
    }
}

impl DeviceProofCodec for DbscCodec {
    fn challenge(&self, purpose: Purpose, sid: &str, now: OffsetDateTime) -> String {
        let mut body = [0; TIME + NONCE];
        let (seconds, nonce) = body.split_at_mut(TIME);
        seconds.copy_from_slice(&now.unix_timestamp().to_be_bytes());
        self.random.fill(nonce);
        self.seal(&context(kind(purpose), sid, &[]), &body)
    }

    fn open_challenge(&self, purpose: Purpose, sid: &str, challenge: &str) -> Option<Challenge> {
        let context = context(kind(purpose), sid, &[]);
        let body: [u8; TIME + NONCE] = self.open(&context, challenge)?;
        let (seconds, nonce) = body.split_at_checked(TIME)?;
        Some(Challenge {
            made_at: time(seconds)?,
            name: URL_SAFE_NO_PAD.encode(nonce),
        })
    }

    fn registration(&self, jwt: &str) -> Option<Registration> {
        let proof = Proof::read(jwt)?;
        let key = device_key(proof.header.jwk.as_ref()?)?;
        let challenge = proof.challenge(&key)?;
        Some(Registration { key, challenge })
    }

    fn renewal(&self, jwt: &str, key: &DeviceKey) -> Option<String> {
        let proof = Proof::read(jwt)?;
        // Whoever brings a key along has another one in mind.
        if proof.header.jwk.is_some() {
            return None;
        }
        proof.challenge(key)
    }

    fn ticket(&self, sid: &str, DeviceKey(key): &DeviceKey, until: OffsetDateTime) -> String {
        let body = until.unix_timestamp().to_be_bytes();
        self.seal(&context(b't', sid, key), &body)
    }

    fn open_ticket(
        &self,
        sid: &str,
        DeviceKey(key): &DeviceKey,
        ticket: &str,
    ) -> Option<OffsetDateTime> {
        let body: [u8; TIME] = self.open(&context(b't', sid, key), ticket)?;
        time(&body)
    }
}

#[cfg(test)]
mod tests;
