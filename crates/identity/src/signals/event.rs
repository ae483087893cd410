//! The events of a stream (OpenID CAEP 1.0 §3, OpenID Shared Signals Framework 1.0 §8.1.4).

use std::str::FromStr;

use time::OffsetDateTime;

use crate::{
    audit::AuditKind,
    id::{Sid, UserId},
    login::EndReason,
};

/// Declares an enum of texts, with the texts as they are in tokens and in the store.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            /// All values, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the text.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidSignal;

            fn from_str(text: &str) -> Result<Self, InvalidSignal> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.as_str() == text).ok_or(InvalidSignal)
            }
        }
    };
}
pub(super) use texts;

/// The text is none of those of the type.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown text of a security event")]
pub struct InvalidSignal;

texts! {
    /// A type of events that a receiver can request. Its text is the event type URI.
    SignalKind {
        /// A login has ended.
        SessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
        /// A credential of an account was added, changed or removed.
        CredentialChange = "https://schemas.openid.net/secevent/caep/event-type/credential-change",
    }
}

texts! {
    /// Who caused an event (CAEP §2, `initiating_entity`).
    Initiator {
        /// An administrator or the operator.
        Admin = "admin",
        /// The account's owner, or an application of the owner.
        User = "user",
        /// A rule, such as the detection of reuse.
        Policy = "policy",
        /// The service itself.
        System = "system",
    }
}

texts! {
    /// The type of a credential (CAEP §3.3.1).
    CredentialType {
        /// The password.
        Password = "password",
        /// One-time codes of an application (TOTP).
        App = "app",
        /// A passkey, of whatever authenticator.
        Passkey = "fido2-platform",
    }
}

texts! {
    /// What happened to a credential (CAEP §3.3.1).
    ChangeType {
        /// It was added.
        Create = "create",
        /// An administrator or the operator removed it.
        Revoke = "revoke",
        /// It was replaced.
        Update = "update",
        /// Its owner removed it.
        Delete = "delete",
    }
}

/// A change of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialChange {
    /// `credential_type`.
    pub credential: CredentialType,
    /// `change_type`.
    pub change: ChangeType,
    /// `initiating_entity`.
    pub initiator: Initiator,
}

impl CredentialChange {
    /// The changes that an audit event of this kind records. A reset of the factors removes whatever there was of each type.
    #[must_use]
    pub fn of(kind: AuditKind) -> Vec<Self> {
        use {ChangeType as Change, CredentialType as Type};
        let (owner, admin) = (Initiator::User, Initiator::Admin);
        let changes: &[(Type, Change, Initiator)] = match kind {
            AuditKind::PasswordChanged => &[(Type::Password, Change::Update, owner)],
            AuditKind::PasswordSet => &[(Type::Password, Change::Update, admin)],
            AuditKind::PasswordAdded => &[(Type::Password, Change::Create, owner)],
            AuditKind::PasswordRemoved => &[(Type::Password, Change::Delete, owner)],
            AuditKind::TotpAdded => &[(Type::App, Change::Create, owner)],
            AuditKind::TotpRemoved => &[(Type::App, Change::Delete, owner)],
            AuditKind::PasskeyAdded => &[(Type::Passkey, Change::Create, owner)],
            AuditKind::PasskeyRemoved => &[(Type::Passkey, Change::Delete, owner)],
            AuditKind::FactorsReset => &[
                (Type::App, Change::Revoke, admin),
                (Type::Passkey, Change::Revoke, admin),
            ],
            _ => &[],
        };
        let changes = changes.iter();
        let change = |&(credential, change, initiator): &_| Self {
            credential,
            change,
            initiator,
        };
        changes.map(change).collect()
    }
}

impl Initiator {
    /// Who ends a login for this reason.
    #[must_use]
    pub const fn of(reason: EndReason) -> Self {
        match reason {
            EndReason::SignedOut
            | EndReason::PasswordChanged
            | EndReason::FactorsChanged
            | EndReason::EndedElsewhere => Self::User,
            EndReason::AccountDisabled
            | EndReason::AccountDeleted
            | EndReason::Administrator
            | EndReason::Operator
            | EndReason::ClientDisabled => Self::Admin,
            EndReason::Reused | EndReason::TooMany | EndReason::Stolen => Self::Policy,
            EndReason::Restored => Self::System,
        }
    }
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalContent {
    /// A login has ended.
    SessionRevoked {
        /// The account, which may have been deleted.
        user: UserId,
        /// The login.
        sid: Sid,
        /// Who ended it.
        initiator: Initiator,
    },
    /// A credential was changed.
    CredentialChange {
        /// The account.
        user: UserId,
        /// The change.
        change: CredentialChange,
    },
    /// The receiver asked for it, to verify the stream.
    Verification {
        /// What the receiver wants to find in it.
        state: Option<String>,
    },
}

/// An event that a receiver has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its number, unique in the store.
    pub number: i64,
    /// Time of the event, UTC.
    pub at: OffsetDateTime,
    /// What it says.
    pub content: SignalContent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_parsed_as_they_are_written() {
        for kind in SignalKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("revoked".parse::<SignalKind>(), Err(InvalidSignal));
        assert_eq!("Password".parse::<CredentialType>(), Err(InvalidSignal));
    }

    #[test]
    fn kinds_of_audit_events_that_change_credentials_are_signals() {
        for kind in AuditKind::ALL {
            let name = kind.as_str();
            let is_change = ["PASSWORD_", "TOTP_", "PASSKEY_", "FACTORS_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
                && ["CHANGED", "SET", "ADDED", "REMOVED"]
                    .iter()
                    .any(|end| name.ends_with(end))
                && name != "PASSKEY_BACKUP_CHANGED";
            assert_eq!(!CredentialChange::of(*kind).is_empty(), is_change, "{name}");
        }
    }
}
