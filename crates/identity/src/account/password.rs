//! Passwords on their way in, and what is kept of them.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use crate::account::{Username, WeakPassword, check};

/// The longest password, in code points (ASVS 6.2.9).
pub const MAX_LENGTH: usize = 256;

/// The shortest new password, in code points, where it is the only factor (NIST SP 800-63B-4 §3.1.1.2).
pub const MIN_LENGTH: usize = 15;

/// No text longer than this, in bytes, is normalised at all.
const MAX_BYTES: usize = 8 * 1024;

/// A password as somebody typed it, in Unicode normal form C, at most [`MAX_LENGTH`] code points. Nothing else is
/// changed: no trimming, no case folding, no truncation.
#[derive(Clone)]
pub struct Password(SecretString);

/// The text is longer than any password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a password has at most 256 characters")]
pub struct PasswordTooLong;

impl Password {
    /// Takes a password as it was typed.
    ///
    /// # Errors
    /// When it is longer than [`MAX_LENGTH`].
    pub fn parse(text: &str) -> Result<Self, PasswordTooLong> {
        if text.len() > MAX_BYTES {
            return Err(PasswordTooLong);
        }
        let normal: String = text.nfc().collect();
        if normal.chars().count() > MAX_LENGTH {
            return Err(PasswordTooLong);
        }
        Ok(Self(normal.into()))
    }

    /// The bytes to hash.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A password that somebody may choose.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// Why a password may not be chosen.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PasswordRejected {
    /// Shorter than [`MIN_LENGTH`].
    #[error("a password needs at least 15 characters; a few words in a row are fine")]
    TooShort,
    /// Longer than [`MAX_LENGTH`].
    #[error(transparent)]
    TooLong(#[from] PasswordTooLong),
    /// A guesser tries it early.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// It is the account's password already.
    #[error("this is the password so far; choose another one")]
    Unchanged,
}

impl NewPassword {
    /// Checks a password that the owner of `username` wants.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str, username: &Username) -> Result<Self, PasswordRejected> {
        let password = Password::parse(text)?;
        let text = password.0.expose_secret();
        if text.chars().count() < MIN_LENGTH {
            return Err(PasswordRejected::TooShort);
        }
        check(text, username.as_str())?;
        Ok(Self(password))
    }

    /// The password to hash.
    #[must_use]
    pub const fn password(&self) -> &Password {
        &self.0
    }
}

/// A password's Argon2id hash as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a PHC string.
    #[must_use]
    pub const fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Counts an account's passwords, so that a check that began with the old one cannot end in a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordVersion(pub i64);

impl PasswordVersion {
    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(text: &str) -> PasswordRejected {
        NewPassword::parse(text, &"ada".parse().unwrap()).unwrap_err()
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(reject("fourteen chars"), PasswordRejected::TooShort);
        let umlauts = "süß & übermütig";
        assert_eq!(umlauts.chars().count(), MIN_LENGTH);
        assert!(NewPassword::parse(umlauts, &"ada".parse().unwrap()).is_ok());
        assert!(Password::parse(&"ü".repeat(MAX_LENGTH)).is_ok());
        assert_eq!(
            Password::parse(&"x".repeat(MAX_LENGTH + 1)).unwrap_err(),
            PasswordTooLong
        );
        assert_eq!(
            Password::parse(&"x".repeat(1 << 20)).unwrap_err(),
            PasswordTooLong
        );
    }

    #[test]
    fn both_spellings_of_an_umlaut_are_one_password() {
        let composed = Password::parse("caf\u{e9}").unwrap();
        let decomposed = Password::parse("cafe\u{301}").unwrap();
        assert_eq!(composed.expose(), decomposed.expose());
    }

    #[test]
    fn nothing_else_is_changed() {
        assert_eq!(
            Password::parse("  Two Words  ").unwrap().expose(),
            b"  Two Words  "
        );
    }

    #[test]
    fn the_name_has_no_place_in_it() {
        assert_eq!(
            reject("my name is Ada, really"),
            PasswordRejected::WeakPassword(WeakPassword::ContainsUsername)
        );
    }

    #[test]
    fn debug_shows_nothing() {
        let password = Password::parse("correct horse battery").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
