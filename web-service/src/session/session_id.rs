//! Session ids.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use holdfast_core::random::Random;
use zeroize::Zeroize;

/// The secret in the session cookie: 128 random bits (ASVS 7.2.3), 22 characters in base64url. It is not stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId([u8; 16]);

/// A text that is not a session id in its canonical encoding.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a session id")]
pub struct InvalidSessionId;

impl SessionId {
    /// A new id.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The value of the cookie.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The 16 bytes, for key derivation.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidSessionId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidSessionId)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

impl Drop for SessionId {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_id_parses_from_canonical_encoding_only() {
        let canonical = SessionId([0xa5; 16]).expose();
        assert_eq!(canonical.len(), 22);
        assert_eq!(canonical.parse(), Ok(SessionId([0xa5; 16])));
        let non_canonical_end = format!("{}R", &canonical[..21]);
        for text in [
            "",
            "AAAA",
            &non_canonical_end,
            &format!("{canonical}=="),
            &format!("{canonical}A"),
            &format!(" {canonical}"),
            &format!("\"{canonical}\""),
        ] {
            assert_eq!(text.parse::<SessionId>(), Err(InvalidSessionId), "{text}");
        }
    }

    #[test]
    fn session_id_debug_output_hides_the_secret() {
        assert_eq!(format!("{:?}", SessionId([1; 16])), "SessionId(..)");
    }
}
