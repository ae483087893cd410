//! Time-based one-time passwords (RFC 6238): six digits of SHA-1, every thirty seconds, as all authenticator apps support them.

use std::{fmt, str::FromStr};

use holdfast_core::{blanks, random::Random};
use time::OffsetDateTime;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{
    account::Username,
    id::{CredentialId, UserId},
};

/// Length of a time step, in seconds (RFC 6238 §5.2).
const STEP: i64 = 30;
/// Number of steps around the current one whose codes are accepted, for the delay of the person and the clock of the device.
const SKEW: i64 = 1;
/// Number of digits of a code.
const DIGITS: usize = 6;
/// Length of a secret, in bytes: that of the hash (RFC 4226 §4, R6).
const SECRET_LENGTH: usize = 20;
/// The alphabet of base32 (RFC 4648 §6).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret that the account's owner stores in an authenticator app.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_LENGTH]>);

impl TotpSecret {
    /// Creates a secret of 160 random bits.
    pub fn random(random: &dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_LENGTH]);
        random.fill(&mut *secret);
        Self(secret)
    }

    /// Returns the secret with these bytes; `None` unless it has 20.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Zeroizing::new).map(Self)
    }

    /// Returns the bytes of the secret.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &*self.0
    }

    /// Returns the secret as people type it into an app: base32 without padding.
    #[must_use]
    pub fn base32(&self) -> String {
        let digits = self.0.chunks(5).flat_map(|chunk| {
            let bits = chunk
                .iter()
                .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            (0..8).rev().map(move |place| {
                let digit = usize::try_from(bits >> (5 * place) & 31);
                char::from(BASE32[digit.unwrap_or_default()])
            })
        });
        digits.collect()
    }

    /// Returns the URI that an app reads from a QR code (`otpauth://totp/…`): the secret for this username at the issuer of this name. A colon
    /// separates the two, so that a blank stands for one in the name of the issuer.
    #[must_use]
    pub fn uri(&self, issuer: &str, username: &Username) -> String {
        // Percent-encoded, as some apps show a plus sign for a blank.
        let encode = |text: &str| {
            let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
            encoded.replace('+', "%20")
        };
        let issuer = encode(&issuer.replace(':', " "));
        let username = encode(username.as_str());
        let secret = self.base32();
        format!(
            "otpauth://totp/{issuer}:{username}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}"
        )
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

/// A code as it was typed: six digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TotpCode(u32);

/// The text has not the form of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits")]
pub struct InvalidTotpCode;

impl TotpCode {
    /// Returns the code of the dynamically truncated hash of a time step (RFC 4226 §5.3).
    #[must_use]
    pub const fn from_truncated(bits: u32) -> Self {
        Self((bits & 0x7fff_ffff) % 1_000_000)
    }
}

impl FromStr for TotpCode {
    type Err = InvalidTotpCode;

    /// Reads six digits. Blanks and hyphens around and between them, as apps show them, are ignored.
    fn from_str(text: &str) -> Result<Self, InvalidTotpCode> {
        let digits = |character: &char| !character.is_whitespace() && *character != '-';
        let digits: String = blanks::trim(text).chars().filter(digits).collect();
        let is_code = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        let code = is_code.then(|| digits.parse().ok()).flatten();
        code.map(Self).ok_or(InvalidTotpCode)
    }
}

impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(..)")
    }
}

/// Computes the codes of secrets, and seals secrets for the store.
pub trait TotpCodec: Send + Sync {
    /// Returns the code of a secret in a time step, counted since 1970.
    fn code(&self, secret: &TotpSecret, step: u64) -> TotpCode;

    /// Seals a secret; it can be opened for the same account and credential only.
    fn seal(&self, owner: (UserId, CredentialId), secret: &TotpSecret) -> Vec<u8>;

    /// Opens a secret that was sealed for this account and credential; `None` if it was sealed otherwise, or has changed.
    fn open(&self, owner: (UserId, CredentialId), sealed: &[u8]) -> Option<TotpSecret>;
}

/// Returns the time step in which `secret` has the code `code`, of those that are accepted at `now`, or `None`. Does the same work whether
/// there is one or not.
#[must_use]
pub(super) fn matching_step(
    codec: &dyn TotpCodec,
    secret: &TotpSecret,
    code: TotpCode,
    now: OffsetDateTime,
) -> Option<i64> {
    let current = now.unix_timestamp().div_euclid(STEP);
    let mut found = None;
    for step in current - SKEW..=current + SKEW {
        let expected = u64::try_from(step).map(|step| codec.code(secret, step));
        if expected == Ok(code) {
            found = Some(step);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Codes that are the number of their step.
    struct StepCodes;

    impl TotpCodec for StepCodes {
        fn code(&self, _: &TotpSecret, step: u64) -> TotpCode {
            TotpCode::from_truncated(u32::try_from(step).unwrap())
        }

        fn seal(&self, _: (UserId, CredentialId), secret: &TotpSecret) -> Vec<u8> {
            secret.expose().to_vec()
        }

        fn open(&self, _: (UserId, CredentialId), sealed: &[u8]) -> Option<TotpSecret> {
            TotpSecret::from_bytes(sealed)
        }
    }

    #[test]
    fn code_of_one_step_around_the_current_one_is_accepted() {
        let secret = TotpSecret::from_bytes(&[0; 20]).unwrap();
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(10 * 30 + 29);
        let step = |code| matching_step(&StepCodes, &secret, TotpCode(code), now);
        let steps = [8, 9, 10, 11, 12].map(step);
        assert_eq!(steps, [None, Some(9), Some(10), Some(11), None]);
        let first = OffsetDateTime::UNIX_EPOCH;
        let step = matching_step(&StepCodes, &secret, TotpCode(0), first);
        assert_eq!(step, Some(0), "no step before 1970");
    }

    #[test]
    fn code_is_read_as_people_type_it() {
        for (text, code) in [
            ("123456", Ok(TotpCode(123_456))),
            (" 012 345\n", Ok(TotpCode(12345))),
            ("\u{200b}000-001", Ok(TotpCode(1))),
            ("12345", Err(InvalidTotpCode)),
            ("1234567", Err(InvalidTotpCode)),
            ("+12345", Err(InvalidTotpCode)),
            ("12345a", Err(InvalidTotpCode)),
            ("١٢٣٤٥٦", Err(InvalidTotpCode)),
            ("", Err(InvalidTotpCode)),
        ] {
            assert_eq!(text.parse(), code, "{text:?}");
        }
    }

    #[test]
    fn secret_is_written_in_base32_and_as_uri() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(secret.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSecret::from_bytes(b"short"), None);
        assert_eq!(
            secret.uri("id.example:8443", &"ada+1@example.org".parse().unwrap()),
            "otpauth://totp/id.example%208443:ada%2B1%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=id.example%208443&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn debug_output_omits_secret_and_code() {
        let secret = TotpSecret::from_bytes(&[7; 20]).unwrap();
        assert_eq!(
            format!("{secret:?} {:?}", TotpCode(123_456)),
            "TotpSecret(..) TotpCode(..)"
        );
    }
}
