//! Recovery codes: look-up secrets (NIST SP 800-63B-4 §3.1.2) for an owner who lost the other factors.

use std::{fmt, str::FromStr};

use holdfast_core::random::Random;
use zeroize::Zeroizing;

use crate::{
    authentication::{KeyedHash, KeyedHasher},
    id::UserId,
};

/// Number of codes that an account is given at once.
pub const RECOVERY_CODES: usize = 10;

/// Length of a code, in bytes: 80 bits, sixteen digits.
const LENGTH: usize = 10;
/// Number of digits.
const DIGITS: usize = 16;
/// Number of digits between two hyphens.
const GROUP: usize = 4;
/// The digits, without letters that are mistaken for others (Crockford's base32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code of 80 random bits. Its text form is sixteen digits in groups of four: `7x3k-0m9w-p4dz-h2qa`.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Zeroizing<[u8; LENGTH]>);

/// The text has not the form of a recovery code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a recovery code has sixteen letters and digits")]
pub struct InvalidRecoveryCode;

impl RecoveryCode {
    /// Creates a code.
    pub fn random(random: &dyn Random) -> Self {
        let mut code = Zeroizing::new([0; LENGTH]);
        random.fill(&mut *code);
        Self(code)
    }

    /// Returns the text form.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let bits = self
            .0
            .iter()
            .fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + DIGITS / GROUP));
        for place in 0..DIGITS {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            let digit = usize::try_from(bits >> (5 * (DIGITS - 1 - place)) & 31);
            text.push(char::from(ALPHABET[digit.unwrap_or_default()]));
        }
        text
    }

    /// Returns the hash by which the store finds the code of this account. Without the key of the hash, the content of the store does not
    /// help to find the code.
    #[must_use]
    pub fn hash(&self, keyed_hasher: &dyn KeyedHasher, user: UserId) -> KeyedHash {
        keyed_hasher.hash(&[b"recovery code", user.as_bytes(), &*self.0])
    }
}

impl FromStr for RecoveryCode {
    type Err = InvalidRecoveryCode;

    /// Reads the text form in any case. Blanks and hyphens are ignored; letters that are no digits are read as those that they resemble.
    fn from_str(text: &str) -> Result<Self, InvalidRecoveryCode> {
        let mut bits = 0_u128;
        let mut count = 0;
        for character in text.chars() {
            let digit = match character.to_ascii_lowercase() {
                '-' | '\u{200b}' | '\u{feff}' => continue,
                blank if blank.is_whitespace() => continue,
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            };
            let is_digit = |known: &u8| char::from(*known) == digit;
            let value = ALPHABET.iter().position(is_digit);
            let value = value.and_then(|value| u128::try_from(value).ok());
            bits = bits << 5 | value.ok_or(InvalidRecoveryCode)?;
            count += 1;
            if count > DIGITS {
                return Err(InvalidRecoveryCode);
            }
        }
        let bytes = bits.to_be_bytes();
        let code = bytes.last_chunk().filter(|_| count == DIGITS);
        let code = code.copied().map(Zeroizing::new);
        code.map(Self).ok_or(InvalidRecoveryCode)
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::keyed_hash::tests::UnkeyedHasher;

    fn code(bytes: [u8; LENGTH]) -> RecoveryCode {
        RecoveryCode(Zeroizing::new(bytes))
    }

    #[test]
    fn text_form_is_read_as_people_type_it() {
        let bytes = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xbd, 0xff, 0xff];
        let text = code(bytes).expose();
        assert_eq!(text.as_str(), "0123-4567-89ab-vzzz");
        for typed in [
            text.as_str(),
            "0123456789ABVZZZ",
            " oi23 4567\t89ab vzzz\n",
            "0l23\u{200b}4567-89ab-vzzz",
        ] {
            assert_eq!(typed.parse(), Ok(code(bytes)), "{typed:?}");
        }
        for typed in [
            "",
            "0123-4567-89ab-vzz",
            "0123-4567-89ab-vzzz0",
            "u123-4567-89ab-vzzz",
        ] {
            assert_eq!(
                typed.parse::<RecoveryCode>(),
                Err(InvalidRecoveryCode),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn hash_depends_on_the_account() {
        let hash = |user| code([1; LENGTH]).hash(&UnkeyedHasher, UserId::from_bytes([user; 16]));
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn debug_output_omits_the_code() {
        assert_eq!(format!("{:?}", code([7; LENGTH])), "RecoveryCode(..)");
    }
}
