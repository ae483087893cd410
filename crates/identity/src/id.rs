//! Identifiers: random UUIDs (version 4), with one type for each kind.

use std::{fmt, str::FromStr};

use holdfast_core::random::Random;
use uuid::{Builder, Uuid};

/// The text is not a UUID in its canonical form: lower case, with hyphens.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an identifier")]
pub struct InvalidId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Creates an identifier of 122 random bits.
            pub fn random(random: &dyn Random) -> Self {
                let mut bytes = [0; 16];
                random.fill(&mut bytes);
                Self::from_random_bytes(bytes)
            }

            /// Creates an identifier from 122 of these bits, which must be unpredictable.
            #[must_use]
            pub const fn from_random_bytes(bytes: [u8; 16]) -> Self {
                Self(Builder::from_random_bytes(bytes).into_uuid())
            }

            /// Returns the 16 bytes of the UUID.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Returns the identifier with these 16 bytes, unchecked.
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
    /// Identifier of an account: `sub` of its tokens.
    UserId
}
id! {
    /// Identifier of a login: `sid` of every token that it was issued.
    Sid
}
id! {
    /// Identifier of an account in tokens for a relying party: `sub`, which may be pairwise.
    SubjectId
}
id! {
    /// Identifier of a login in tokens for a relying party: `sid`, which may be pairwise.
    SessionId
}
id! {
    /// Identifier of a grant: what a login allowed one OAuth client.
    GrantId
}
id! {
    /// Identifier of a credential. That of a password is the identifier of its account.
    CredentialId
}
id! {
    /// Identifier of a trusted browser.
    TrustedBrowserId
}
id! {
    /// Identifier of a stream of security events.
    StreamId
}
id! {
    /// Identifier of one access token: `jti`.
    Jti
}

impl GrantId {
    /// The grant that a login begins with: it has the login's identifier, so that a login ticket can be exchanged only once.
    #[must_use]
    pub const fn first_of(sid: Sid) -> Self {
        Self::from_bytes(*sid.as_bytes())
    }
}

impl CredentialId {
    /// The identifier of the password of an account, which has at most one.
    #[must_use]
    pub const fn password_of(user: UserId) -> Self {
        Self::from_bytes(*user.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_in_another_spelling_is_refused() {
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
