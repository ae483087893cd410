//! Identifiers: random UUIDs, each with a type of its own.

use std::{fmt, str::FromStr};

use holdfast_core::random::Random;
use uuid::{Builder, Uuid};

/// The text is not a UUID in its canonical form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an identifier")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, of 122 random bits.
            pub fn random(random: &dyn Random) -> Self {
                let mut bytes = [0; 16];
                random.fill(&mut bytes);
                Self::from_random_bytes(bytes)
            }

            /// One of 122 of these bits, which nobody could have guessed.
            #[must_use]
            pub const fn from_random_bytes(bytes: [u8; 16]) -> Self {
                Self(Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The 16 bytes of the UUID.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The identifier with these 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Self(Uuid::try_parse(text).map_err(|_| InvalidId)?);
                if id.to_string() == text { Ok(id) } else { Err(InvalidId) }
            }
        }
    };
}

id! {
    /// An account; the `sub` of its tokens.
    UserId
}
id! {
    /// A login, the spine that every credential of one sign-in hangs on.
    Sid
}
id! {
    /// One access token.
    Jti
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_parses() {
        let canonical = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(canonical.parse::<Sid>().unwrap().to_string(), canonical);
        for other in [
            "67E55044-10B1-426F-9247-BB680E5FE0C8",
            "67e5504410b1426f9247bb680e5fe0c8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "",
        ] {
            assert_eq!(other.parse::<Sid>(), Err(InvalidId), "{other}");
        }
    }
}
