//! Challenges, device proofs and proof cookies (W3C Device Bound Session Credentials).

use std::time::Duration;

use time::OffsetDateTime;

use crate::session::device_binding::device::DeviceKey;

/// Validity of a proof cookie. Chromium refreshes when less than two minutes are left.
pub const PROOF_TTL: Duration = Duration::from_mins(5);

/// How long after a sign-in its session can be bound. Until then nothing else writes the record, as one of two writes would be lost:
/// see [`Lifetimes::should_record_seen`](crate::session::browser_session::Lifetimes::should_record_seen).
pub const REGISTRATION_WINDOW: Duration = Duration::from_secs(45);

/// Validity of a challenge for a refresh; the browser may keep it until its next refresh.
const REFRESH_WINDOW: Duration = Duration::from_mins(10);

/// The request that a challenge is accepted at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengePurpose {
    /// The registration of a new key, after a sign-in.
    Registration,
    /// A refresh: a new proof of the registered key.
    Refresh,
}

impl ChallengePurpose {
    /// How long a challenge is valid.
    #[must_use]
    pub const fn window(self) -> Duration {
        match self {
            Self::Registration => REGISTRATION_WINDOW,
            Self::Refresh => REFRESH_WINDOW,
        }
    }
}

/// The content of a challenge of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Time of issue.
    pub made_at: OffsetDateTime,
    /// Its name in the replay cache.
    pub name: String,
}

/// A device proof that contains the key that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The public key that verified the signature.
    pub key: DeviceKey,
    /// The challenge that it signed, still to be verified.
    pub challenge: String,
}

/// Encodes and verifies challenges, device proofs and proof cookies. Sessions are identified by the `sid` of their login, which stays
/// when the session gets a new id; trusted browsers by their token.
pub trait DeviceProofCodec: Send + Sync {
    /// A fresh challenge.
    fn challenge(&self, purpose: ChallengePurpose, sid: &str, now: OffsetDateTime) -> String;

    /// The content of a challenge that was made for this session and purpose.
    fn open_challenge(
        &self,
        purpose: ChallengePurpose,
        sid: &str,
        challenge: &str,
    ) -> Option<Challenge>;

    /// Verifies a device proof with the key that it contains.
    fn registration(&self, jwt: &str) -> Option<Registration>;

    /// Verifies a device proof with the registered key, which it must not contain; returns its challenge, still to be verified.
    fn refresh(&self, jwt: &str, key: &DeviceKey) -> Option<String>;

    /// The value of a proof cookie for this session and key, valid until `until`.
    fn proof_cookie(&self, sid: &str, key: &DeviceKey, until: OffsetDateTime) -> String;

    /// The end of the validity of a proof cookie that was made for this session and key.
    fn open_proof_cookie(&self, sid: &str, key: &DeviceKey, value: &str) -> Option<OffsetDateTime>;
}
