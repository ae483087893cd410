//! Factors of an authentication.

use std::{convert::Infallible, fmt, str::FromStr};

use crate::account::CredentialKind;

/// A factor that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// The account's password.
    Password,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Password];

    /// The value of `amr` (RFC 8176).
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }

    /// The kind of the credential that was proved.
    #[must_use]
    pub const fn credential_kind(self) -> CredentialKind {
        match self {
            Self::Password => CredentialKind::Password,
        }
    }
}

/// The factors of an authentication, in the order in which they were verified. The text form is that of `amr` values separated by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factors(Vec<Factor>);

impl Factors {
    /// Returns the factors.
    pub fn iter(&self) -> impl Iterator<Item = Factor> {
        self.0.iter().copied()
    }

    /// Whether this factor was verified.
    #[must_use]
    pub fn contains(&self, factor: Factor) -> bool {
        self.0.contains(&factor)
    }
}

impl From<Factor> for Factors {
    fn from(factor: Factor) -> Self {
        Self(vec![factor])
    }
}

impl fmt::Display for Factors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Factor::amr).collect();
        formatter.write_str(&names.join(" "))
    }
}

impl FromStr for Factors {
    type Err = Infallible;

    /// Reads the text form. A factor that this version does not know is left out, so that the strength is not overestimated.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let known = |name| Factor::ALL.into_iter().find(|factor| factor.amr() == name);
        Ok(Self(text.split_whitespace().filter_map(known).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::AssuranceLevel;

    #[test]
    fn factors_keep_their_text_and_leave_unknown_ones_out() {
        for (text, known, level) in [
            ("pwd", "pwd", Some(AssuranceLevel::Aal1)),
            ("hwk pwd", "pwd", Some(AssuranceLevel::Aal1)),
            ("hwk", "", None),
            ("", "", None),
        ] {
            let Ok(factors) = text.parse::<Factors>();
            assert_eq!(factors.to_string(), known);
            assert_eq!(AssuranceLevel::of(&factors), level);
        }
    }
}
