//! Byte strings of the API, which JSON represents in base64url without padding (WebAuthn §5.1.8).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer};

/// The length is not that of such a byte string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the length is not allowed")]
pub struct InvalidLength;

/// The challenge of a ceremony: 32 random bytes, where 16 are the minimum (WebAuthn §13.5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// From 32 bytes of a cryptographically secure random generator.
    #[must_use]
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Returns the bytes, for the state that the caller keeps.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `text` is this challenge in base64url. Compares in constant time.
    pub(crate) fn is(&self, text: &str) -> bool {
        let expected = URL_SAFE_NO_PAD.encode(self.0);
        verify_slices_are_equal(expected.as_bytes(), text.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Challenge(…)")
    }
}

impl Serialize for Challenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A credential ID: 16 to 1023 bytes, chosen by the authenticator (WebAuthn §4, §6.5.1).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// Maximum length in bytes (WebAuthn §7.1).
    pub const MAX: usize = 1023;

    const MIN: usize = 16;

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for CredentialId {
    type Error = InvalidLength;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidLength> {
        if (Self::MIN..=Self::MAX).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(InvalidLength)
        }
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CredentialId({self})")
    }
}

impl Serialize for CredentialId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A user handle: 1 to 64 bytes by which an authenticator names an account. It contains no personal data (WebAuthn §14.6.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserHandle(Vec<u8>);

impl UserHandle {
    const MAX: usize = 64;

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for UserHandle {
    type Error = InvalidLength;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidLength> {
        if (1..=Self::MAX).contains(&bytes.len()) {
            Ok(Self(bytes.to_vec()))
        } else {
            Err(InvalidLength)
        }
    }
}

impl Serialize for UserHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}
