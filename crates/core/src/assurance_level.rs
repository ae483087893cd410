//! The strength of an authentication.

use std::str::FromStr;

/// The strength of an authentication, weakest first (NIST SP 800-63B-4 §2): the value of `acr` (`OpenID` Connect Core §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssuranceLevel {
    /// `aal1`: one factor.
    Aal1,
    /// `aal2`: two factors of different kinds.
    Aal2,
    /// `phr` (`OpenID` EAP ACR Values): two factors, one of which answers to this site only: a passkey that verified its user, or followed the
    /// password.
    PhishingResistant,
}

/// The text is no `acr` of this issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not aal1, aal2 or phr")]
pub struct UnknownAssuranceLevel;

impl AssuranceLevel {
    /// The value of `acr`.
    #[must_use]
    pub const fn acr(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::PhishingResistant => "phr",
        }
    }
}

impl FromStr for AssuranceLevel {
    type Err = UnknownAssuranceLevel;

    fn from_str(text: &str) -> Result<Self, UnknownAssuranceLevel> {
        let mut levels = [Self::Aal1, Self::Aal2, Self::PhishingResistant].into_iter();
        let level = levels.find(|level| level.acr() == text);
        level.ok_or(UnknownAssuranceLevel)
    }
}
