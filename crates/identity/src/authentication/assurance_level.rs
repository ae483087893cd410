//! The strength of an authentication.

use std::str::FromStr;

use crate::authentication::Factors;

/// The strength of an authentication, weakest first (NIST SP 800-63B-4 §2): the value of `acr` (`OpenID` Connect Core §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssuranceLevel {
    /// `aal1`: one factor.
    Aal1,
}

/// The text is no `acr` of this issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not aal1")]
pub struct UnknownAssuranceLevel;

impl AssuranceLevel {
    /// The strength that factors give together; `None` where no factor is known.
    #[must_use]
    pub fn of(factors: &Factors) -> Option<Self> {
        factors.iter().next().map(|_| Self::Aal1)
    }

    /// The value of `acr`.
    #[must_use]
    pub const fn acr(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
        }
    }
}

impl FromStr for AssuranceLevel {
    type Err = UnknownAssuranceLevel;

    fn from_str(text: &str) -> Result<Self, UnknownAssuranceLevel> {
        let level = [Self::Aal1].into_iter().find(|level| level.acr() == text);
        level.ok_or(UnknownAssuranceLevel)
    }
}
