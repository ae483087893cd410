//! Usernames.

use std::{fmt, str::FromStr};

use holdfast_core::blanks;

/// The name that an account signs in with: 1 to 64 ASCII letters, digits and `._-+@`, starting with a letter or a digit, in lower
/// case. Parsing ignores case, and surrounding blanks and invisible characters, which keyboards of phones add.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Username(String);

/// The text is not a username.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a username is 1 to 64 ASCII letters, digits and . _ - + @, and begins with a letter or a digit"
)]
pub struct InvalidUsername;

impl Username {
    const MAX_LENGTH: usize = 64;

    /// The canonical text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let text = blanks::trim(text);
        let has_valid_start = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let has_valid_characters = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte));
        if has_valid_start && has_valid_characters && text.len() <= Self::MAX_LENGTH {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidUsername)
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_spellings_are_one_username() {
        assert_eq!(
            "Ada.Lovelace@Example.org"
                .parse::<Username>()
                .unwrap()
                .as_str(),
            "ada.lovelace@example.org"
        );
        for around in [" ", "\n", "\u{a0}", "\u{200b}", "\u{feff}"] {
            let typed = format!("{around}{}{around}", "A".repeat(Username::MAX_LENGTH));
            let name = typed.parse::<Username>().unwrap();
            assert_eq!(name.as_str(), "a".repeat(Username::MAX_LENGTH));
        }
    }

    #[test]
    fn invalid_username_is_refused() {
        let too_long = "a".repeat(65);
        for text in [
            "",
            ".ada",
            "ada lovelace",
            " ",
            "\u{200b}",
            "a\u{200b}da",
            "ada\0",
            "ädä",
            "аda",
            too_long.as_str(),
        ] {
            assert_eq!(text.parse::<Username>(), Err(InvalidUsername), "{text:?}");
        }
        assert!("a".repeat(64).parse::<Username>().is_ok());
    }
}
