//! The formats of DBSC: challenges and proof cookies with a MAC under the key that all instances share, and device proofs, JWTs of the
//! type `dbsc+jwt`.

use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::{random::Random, secret_key::SecretKey};
use holdfast_crypto::{
    jws::Unverified,
    verifying_key::{Jwk, VerifyingKey},
};
use serde::{Deserialize, de::IgnoredAny};
use time::OffsetDateTime;

use crate::session::{
    codec::mac::MacCodec,
    device_binding::{
        device::DeviceKey,
        protocol::{Challenge, ChallengePurpose, DeviceProofCodec, Registration},
    },
};

/// Length limit of a device proof, in bytes.
const MAX_LENGTH: usize = 4 * 1024;
const TYPE: &str = "dbsc+jwt";
const ALGORITHM: &str = "ES256";

/// Separates the key of these MACs from that of all others.
const LABEL: &[u8] = b"holdfast device binding v1";

const TIME: usize = 8;
const NONCE: usize = 16;

/// Encodes and verifies challenges, device proofs and proof cookies.
pub struct DbscCodec {
    mac: MacCodec,
    random: Arc<dyn Random>,
}

impl DbscCodec {
    /// A codec with the key that all instances share.
    pub fn new(key: &SecretKey, random: Arc<dyn Random>) -> Self {
        Self {
            mac: MacCodec::new(key, LABEL),
            random,
        }
    }
}

/// The context of a MAC. The length of `sid` comes first, so that no two contexts are the same bytes.
fn context(kind: u8, sid: &str, key: &[u8]) -> Vec<u8> {
    let length = u64::try_from(sid.len()).unwrap_or(u64::MAX).to_be_bytes();
    [&[kind], length.as_slice(), sid.as_bytes(), key].concat()
}

const fn kind(purpose: ChallengePurpose) -> u8 {
    match purpose {
        ChallengePurpose::Registration => b'b',
        ChallengePurpose::Refresh => b'r',
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

/// The key of a JWK; `None` unless it is on P-256.
fn device_key(jwk: &Jwk) -> Option<DeviceKey> {
    let (x, y) = VerifyingKey::try_from(jwk).ok()?.p256_coordinates()?;
    [x, y].concat().try_into().ok().map(DeviceKey)
}

/// A device proof whose signature is not verified yet.
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

    /// The challenge, if the signature is of this key.
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
    fn challenge(&self, purpose: ChallengePurpose, sid: &str, now: OffsetDateTime) -> String {
        let mut body = [0; TIME + NONCE];
        let (seconds, nonce) = body.split_at_mut(TIME);
        seconds.copy_from_slice(&now.unix_timestamp().to_be_bytes());
        self.random.fill(nonce);
        self.mac.seal(&context(kind(purpose), sid, &[]), &body)
    }

    fn open_challenge(
        &self,
        purpose: ChallengePurpose,
        sid: &str,
        challenge: &str,
    ) -> Option<Challenge> {
        let context = context(kind(purpose), sid, &[]);
        let body: [u8; TIME + NONCE] = self.mac.open(&context, challenge)?;
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

    fn refresh(&self, jwt: &str, key: &DeviceKey) -> Option<String> {
        let proof = Proof::read(jwt)?;
        // A proof with a key is a registration.
        if proof.header.jwk.is_some() {
            return None;
        }
        proof.challenge(key)
    }

    fn proof_cookie(&self, sid: &str, DeviceKey(key): &DeviceKey, until: OffsetDateTime) -> String {
        let body = until.unix_timestamp().to_be_bytes();
        self.mac.seal(&context(b't', sid, key), &body)
    }

    fn open_proof_cookie(
        &self,
        sid: &str,
        DeviceKey(key): &DeviceKey,
        value: &str,
    ) -> Option<OffsetDateTime> {
        let body: [u8; TIME] = self.mac.open(&context(b't', sid, key), value)?;
        time(&body)
    }
}

#[cfg(test)]
mod tests;
