//! Thumbprints of public keys.

use std::{fmt, str::FromStr};

/// `jkt`: the RFC 7638 SHA-256 thumbprint of a public key, 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyThumbprint(String);

/// The text is not a SHA-256 hash in base64url.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a key thumbprint")]
pub struct InvalidKeyThumbprint;

impl FromStr for KeyThumbprint {
    type Err = InvalidKeyThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidKeyThumbprint> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == 43 && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidKeyThumbprint)
        }
    }
}

impl fmt::Display for KeyThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_thumbprint_is_43_characters_of_base64url() {
        assert!("k".repeat(43).parse::<KeyThumbprint>().is_ok());
        for text in ["", &"k".repeat(42), &"k".repeat(44), &"=".repeat(43)] {
            assert_eq!(text.parse::<KeyThumbprint>(), Err(InvalidKeyThumbprint));
        }
    }
}
