//! Passwords: as typed, as new ones that satisfy the rules, and as hashes.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::Score;

use crate::account::{
    password_strength::{WeakPassword, check},
    username::Username,
};

/// Maximum length of a password, in code points (ASVS 6.2.9).
pub const MAX_LENGTH: usize = 256;

/// Longer texts, in bytes, are refused without normalization.
const MAX_BYTES: usize = 8 * 1024;

/// A password as it was typed, in Unicode normal form C, at most [`MAX_LENGTH`] code points. Nothing else is changed: no
/// trimming, no case folding, no truncation.
#[derive(Clone)]
pub struct Password(SecretString);

/// The text is longer than [`MAX_LENGTH`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a password has at most 256 characters")]
pub struct PasswordTooLong;

impl Password {
    /// Normalizes a password as it was typed.
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

    /// The UTF-8 bytes to hash.
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

/// What else an account has beside its password, on which the rules for a new one depend (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRole {
    /// It may be the only factor.
    OnlyFactor,
    /// A second factor is mandatory.
    OneOfTwoFactors,
}

impl PasswordRole {
    /// Minimum length, in code points.
    #[must_use]
    pub const fn min_length(self) -> usize {
        match self {
            Self::OnlyFactor => 15,
            Self::OneOfTwoFactors => 8,
        }
    }

    /// Eight random characters have less than `Three`.
    const fn min_score(self) -> Score {
        match self {
            Self::OnlyFactor => Score::Three,
            Self::OneOfTwoFactors => Score::Two,
        }
    }
}

/// A password that satisfies the rules for new passwords.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// The rule for new passwords that a password does not satisfy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PasswordRejected {
    /// Shorter than this minimum, in code points.
    #[error("a password needs at least {0} characters; a few words in a row are fine")]
    TooShort(usize),
    /// Longer than [`MAX_LENGTH`].
    #[error(transparent)]
    TooLong(#[from] PasswordTooLong),
    /// It is easily guessed.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// It is the current password of the account.
    #[error("this is the current password; choose another one")]
    Unchanged,
}

impl NewPassword {
    /// Checks a new password in this role for the account with this username.
    ///
    /// # Errors
    /// The first rule that it does not satisfy.
    pub fn parse(
        text: &str,
        username: &Username,
        role: PasswordRole,
    ) -> Result<Self, PasswordRejected> {
        let password = Password::parse(text)?;
        let (text, min_length) = (password.0.expose_secret(), role.min_length());
        if text.chars().count() < min_length {
            return Err(PasswordRejected::TooShort(min_length));
        }
        check(text, username.as_str(), role.min_score())?;
        Ok(Self(password))
    }

    /// The password itself, to be hashed.
    #[must_use]
    pub const fn password(&self) -> &Password {
        &self.0
    }
}

/// The Argon2id hash of a password as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string without looking into it.
    #[must_use]
    pub const fn from_phc(phc: String) -> Self {
        Self(phc)
    }

    /// Returns the PHC string.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(text: &str) -> PasswordRejected {
        NewPassword::parse(text, &"ada".parse().unwrap(), PasswordRole::OnlyFactor).unwrap_err()
    }

    #[test]
    fn password_length_is_counted_in_code_points() {
        assert_eq!(reject("fourteen chars"), PasswordRejected::TooShort(15));
        let shorter =
            |text| NewPassword::parse(text, &"ada".parse().unwrap(), PasswordRole::OneOfTwoFactors);
        assert!(shorter("fourteen chars").is_ok());
        // Eight random characters.
        assert!(shorter("qr7-zt2m").is_ok());
        let error = shorter("seven c").unwrap_err();
        assert_eq!(error, PasswordRejected::TooShort(8));
        let umlauts = "süß & übermütig";
        assert_eq!(umlauts.chars().count(), 15);
        assert!(
            NewPassword::parse(umlauts, &"ada".parse().unwrap(), PasswordRole::OnlyFactor).is_ok()
        );
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
    fn composed_and_decomposed_spellings_are_one_password() {
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
    fn password_with_username_is_refused() {
        assert_eq!(
            reject("my name is Ada, really"),
            PasswordRejected::WeakPassword(WeakPassword::ContainsUsername)
        );
    }

    #[test]
    fn debug_output_omits_the_password() {
        let password = Password::parse("correct horse battery").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
