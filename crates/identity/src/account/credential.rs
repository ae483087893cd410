//! Credentials of accounts.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use crate::{
    account::AuthenticationVersion,
    authentication::NewPasskey,
    id::{CredentialId, Sid, UserId},
    login::EndReason,
};

/// The kind of a credential, with its name in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A password, of which an account has at most one.
    Password,
    /// The secret of time-based one-time passwords (RFC 6238), of which an account has at most one.
    Totp,
    /// A recovery code, which is used once.
    RecoveryCode,
    /// A passkey (WebAuthn).
    Passkey,
}

/// The text is no kind of credential that this version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no kind of credential")]
pub struct UnknownCredentialKind;

impl CredentialKind {
    const ALL: [Self; 4] = [
        Self::Password,
        Self::Totp,
        Self::RecoveryCode,
        Self::Passkey,
    ];

    /// Returns the name: `password`, `totp`, `recovery_code`, `passkey`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::Passkey => "passkey",
        }
    }

    /// Whether it makes an authentication with a password one of two factors. Recovery codes stand in for such a credential.
    #[must_use]
    pub const fn is_second_factor(self) -> bool {
        match self {
            Self::Totp | Self::Passkey => true,
            Self::Password | Self::RecoveryCode => false,
        }
    }
}

impl FromStr for CredentialKind {
    type Err = UnknownCredentialKind;

    fn from_str(text: &str) -> Result<Self, UnknownCredentialKind> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        kind.ok_or(UnknownCredentialKind)
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The kinds of credentials that an account can authenticate with. The text form is that of names separated by spaces, in which a name may be repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialKinds(u8);

impl CredentialKinds {
    /// Whether there is a credential of this kind.
    #[must_use]
    pub const fn contains(self, kind: CredentialKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Returns these kinds and one more.
    #[must_use]
    pub const fn with(self, kind: CredentialKind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    /// Whether there is a second factor.
    #[must_use]
    pub fn has_second_factor(self) -> bool {
        let mut kinds = CredentialKind::ALL.into_iter();
        kinds.any(|kind| kind.is_second_factor() && self.contains(kind))
    }

    const fn bit(kind: CredentialKind) -> u8 {
        1 << kind as u8
    }
}

impl FromIterator<CredentialKind> for CredentialKinds {
    fn from_iter<I: IntoIterator<Item = CredentialKind>>(kinds: I) -> Self {
        let bits = kinds.into_iter().map(Self::bit);
        Self(bits.fold(0, |all, bit| all | bit))
    }
}

impl FromStr for CredentialKinds {
    type Err = UnknownCredentialKind;

    /// Reads the text form. A kind that this version does not know is an error: without it, an account would need fewer factors than it has.
    fn from_str(text: &str) -> Result<Self, UnknownCredentialKind> {
        text.split_whitespace().map(str::parse).collect()
    }
}

/// A credential as the account's owner and administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRecord {
    /// Its identifier.
    pub id: CredentialId,
    /// Its kind.
    pub kind: CredentialKind,
    /// The name that the owner gave it.
    pub label: String,
    /// Time at which it was added or, of a password, set, UTC.
    pub created_at: OffsetDateTime,
    /// Time of its latest use, UTC; `None` if it was not used.
    pub last_used_at: Option<OffsetDateTime>,
}

impl CredentialRecord {
    /// Whether it is a recovery code that was used.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.kind == CredentialKind::RecoveryCode && self.last_used_at.is_some()
    }
}

/// A credential that is added to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCredential {
    /// Its identifier.
    pub id: CredentialId,
    /// Its kind.
    pub kind: CredentialKind,
    /// The name that the owner gives it.
    pub label: String,
    /// What verifies it: the sealed secret of TOTP, the keyed hash of a recovery code, or the public key of a passkey.
    pub data: Vec<u8>,
    /// Of TOTP, the time step that was accepted when it was confirmed.
    pub used_step: Option<i64>,
    /// Of a passkey, what else verifies it.
    pub passkey: Option<NewPasskey>,
}

/// A change of the credentials of an account, which is made as a whole.
#[derive(Clone, Debug)]
pub struct CredentialChange<'a> {
    /// The account.
    pub user: UserId,
    /// The version of its credentials that is changed; nothing is changed if it is another one.
    pub from: AuthenticationVersion,
    /// The login in which the owner makes the change; nothing is changed if it is not live.
    pub by: Option<Sid>,
    /// Credentials that are removed.
    pub removed: &'a [CredentialId],
    /// Credentials that are added.
    pub added: &'a [NewCredential],
    /// Why all logins but `by` end; `None` if they do not.
    pub ends: Option<EndReason>,
    /// Time of the change, UTC.
    pub now: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_their_names_and_unknown_ones_refused() {
        let kinds: CredentialKinds = "password recovery_code recovery_code".parse().unwrap();
        assert!(kinds.contains(CredentialKind::RecoveryCode));
        assert!(!kinds.contains(CredentialKind::Totp) && !kinds.has_second_factor());
        let kinds: CredentialKinds = "totp".parse().unwrap();
        assert!(!kinds.contains(CredentialKind::Password) && kinds.has_second_factor());
        assert_eq!("".parse(), Ok(CredentialKinds::default()));
        let unknown = "password iris".parse::<CredentialKinds>();
        assert_eq!(unknown, Err(UnknownCredentialKind));
    }
}
