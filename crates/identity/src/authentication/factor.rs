//! Factors of an authentication.

use std::{convert::Infallible, fmt, str::FromStr};

use crate::{account::CredentialKind, authentication::AssuranceLevel};

/// The value of `amr` for an authentication with several factors (RFC 8176).
const MULTI_FACTOR: &str = "mfa";

/// A factor that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// The account's password.
    Password,
    /// A time-based one-time password.
    Totp,
    /// A recovery code, which stands in for another factor. Before any other, it stands in for a passkey that is registered next.
    RecoveryCode,
    /// A passkey that stays on its device.
    DevicePasskey,
    /// A passkey that may be copied to other devices.
    SyncedPasskey,
}

impl Factor {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Password,
        Self::Totp,
        Self::RecoveryCode,
        Self::DevicePasskey,
        Self::SyncedPasskey,
    ];

    /// The value of `amr` (RFC 8176, which has none for recovery codes).
    #[must_use]
    pub const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Totp => "otp",
            Self::RecoveryCode => "rc",
            Self::DevicePasskey => "hwk",
            Self::SyncedPasskey => "swk",
        }
    }

    /// The kind of the credential that was proved.
    #[must_use]
    pub const fn credential_kind(self) -> CredentialKind {
        match self {
            Self::Password => CredentialKind::Password,
            Self::Totp => CredentialKind::Totp,
            Self::RecoveryCode => CredentialKind::RecoveryCode,
            Self::DevicePasskey | Self::SyncedPasskey => CredentialKind::Passkey,
        }
    }
}

/// The factors of an authentication, in the order in which they were verified. The text form is that of `amr` values separated by spaces,
/// without `mfa`.
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

    /// Returns these factors and one more.
    #[must_use]
    pub fn with(mut self, factor: Factor) -> Self {
        if !self.contains(factor) {
            self.0.push(factor);
        }
        self
    }

    /// Whether the password was the only factor.
    #[must_use]
    pub fn is_password_alone(&self) -> bool {
        self.0 == [Factor::Password]
    }

    /// Whether a recovery code was the only factor: the first step of a sign-in to an account without a password.
    #[must_use]
    pub fn is_recovery_code_alone(&self) -> bool {
        self.0 == [Factor::RecoveryCode]
    }

    /// Returns the strength that the factors give together; `None` where no factor is known.
    #[must_use]
    pub fn level(&self) -> Option<AssuranceLevel> {
        // Alone, it was accepted only with user verification.
        if self.contains(Factor::DevicePasskey) || self.contains(Factor::SyncedPasskey) {
            return Some(AssuranceLevel::PhishingResistant);
        }
        // Both codes are something that the owner has.
        let has_code = self.contains(Factor::Totp) || self.contains(Factor::RecoveryCode);
        if has_code && self.contains(Factor::Password) {
            return Some(AssuranceLevel::Aal2);
        }
        self.iter().next().map(|_| AssuranceLevel::Aal1)
    }

    /// Returns the values of `amr`: one for each factor, and `mfa` where they are several.
    pub fn amr(&self) -> impl Iterator<Item = &'static str> {
        let is_multi_factor = self.level() > Some(AssuranceLevel::Aal1);
        let multi_factor = is_multi_factor.then_some(MULTI_FACTOR);
        self.iter().map(Factor::amr).chain(multi_factor)
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

    #[test]
    fn factors_keep_their_text_and_leave_unknown_ones_out() {
        for (text, known, level) in [
            ("pwd", "pwd", Some(AssuranceLevel::Aal1)),
            ("iris pwd", "pwd", Some(AssuranceLevel::Aal1)),
            ("pwd otp", "pwd otp", Some(AssuranceLevel::Aal2)),
            ("pwd rc", "pwd rc", Some(AssuranceLevel::Aal2)),
            ("otp rc", "otp rc", Some(AssuranceLevel::Aal1)),
            ("hwk", "hwk", Some(AssuranceLevel::PhishingResistant)),
            (
                "pwd swk",
                "pwd swk",
                Some(AssuranceLevel::PhishingResistant),
            ),
            ("iris", "", None),
            ("", "", None),
        ] {
            let Ok(factors) = text.parse::<Factors>();
            assert_eq!(factors.to_string(), known);
            assert_eq!(factors.level(), level);
        }
    }

    #[test]
    fn several_factors_are_also_named_mfa() {
        let password = Factors::from(Factor::Password);
        assert_eq!(password.amr().collect::<Vec<_>>(), ["pwd"]);
        let both = password.with(Factor::Totp).with(Factor::Totp);
        assert_eq!(both.amr().collect::<Vec<_>>(), ["pwd", "otp", "mfa"]);
    }
}
