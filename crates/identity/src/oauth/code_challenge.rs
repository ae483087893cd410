//! Proof Key for Code Exchange (RFC 7636), with the method `S256` only.

use std::{fmt, str::FromStr};

/// `code_challenge`: the SHA-256 of the code verifier, 43 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// The text is not a code challenge of the method `S256`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a code challenge")]
pub struct InvalidCodeChallenge;

impl CodeChallenge {
    const LENGTH: usize = 43;

    /// Returns the text of the challenge.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CodeChallenge {
    type Err = InvalidCodeChallenge;

    fn from_str(text: &str) -> Result<Self, InvalidCodeChallenge> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() == Self::LENGTH && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCodeChallenge)
        }
    }
}

/// `code_verifier`: 43 to 128 unreserved characters.
pub struct CodeVerifier(String);

/// The text is not a code verifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a code verifier")]
pub struct InvalidCodeVerifier;

impl CodeVerifier {
    /// Returns the text of the verifier.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for CodeVerifier {
    type Err = InvalidCodeVerifier;

    fn from_str(text: &str) -> Result<Self, InvalidCodeVerifier> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCodeVerifier)
        }
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenge_and_verifier_have_the_form_of_rfc_7636() {
        // RFC 7636, appendix B.
        assert!(
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
                .parse::<CodeChallenge>()
                .is_ok()
        );
        assert!(
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
                .parse::<CodeVerifier>()
                .is_ok()
        );
        for text in ["", &"a".repeat(42), &"a".repeat(44), &"=".repeat(43)] {
            assert_eq!(text.parse::<CodeChallenge>(), Err(InvalidCodeChallenge));
        }
        for text in ["", &"a".repeat(42), &"a".repeat(129), &"+".repeat(43)] {
            assert!(text.parse::<CodeVerifier>().is_err());
        }
    }
}
