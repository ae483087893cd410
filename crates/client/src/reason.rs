//! Stable reasons of errors.

use std::fmt;

pub use auth_proto::v1::ErrorReason;

/// Name of [`Reason::Unreachable`].
const AUTH_UNAVAILABLE: &str = "AUTH_UNAVAILABLE";

/// The stable reason of an error. Its text form, such as `INVALID_CREDENTIALS`, is what `google.rpc.ErrorInfo.reason` contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A reason of the contract, see [`ErrorReason`].
    Contract(ErrorReason),
    /// `AUTH_UNAVAILABLE`: no endpoint of auth-service answered in time. Never sent by auth-service.
    Unreachable,
    /// A reason of a newer auth-service, which this version of the contract does not have.
    Unknown(Box<str>),
}

impl Reason {
    /// The reason that `google.rpc.ErrorInfo.reason` names.
    pub(crate) fn from_wire_name(name: &str) -> Self {
        ErrorReason::from_wire_name(name).map_or_else(|| Self::Unknown(name.into()), Self::Contract)
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Contract(reason) => reason.wire_name(),
            Self::Unreachable => AUTH_UNAVAILABLE,
            Self::Unknown(name) => name,
        }
    }

    /// The contract's reason, if it is one.
    #[must_use]
    pub const fn contract(&self) -> Option<ErrorReason> {
        match self {
            Self::Contract(reason) => Some(*reason),
            Self::Unreachable | Self::Unknown(_) => None,
        }
    }
}

impl From<ErrorReason> for Reason {
    fn from(reason: ErrorReason) -> Self {
        Self::Contract(reason)
    }
}

impl PartialEq<ErrorReason> for Reason {
    fn eq(&self, other: &ErrorReason) -> bool {
        self.contract() == Some(*other)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_wire_name_round_trips() {
        for (name, reason) in [
            ("TOKEN_EXPIRED", Reason::Contract(ErrorReason::TokenExpired)),
            (
                "OF_A_NEWER_SERVER",
                Reason::Unknown("OF_A_NEWER_SERVER".into()),
            ),
            ("UNSPECIFIED", Reason::Unknown("UNSPECIFIED".into())),
        ] {
            assert_eq!(Reason::from_wire_name(name), reason);
            assert_eq!(reason.as_str(), name);
        }
    }
}
