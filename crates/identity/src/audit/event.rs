//! What happened to accounts and logins, for who has to find out later.

use std::net::IpAddr;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{
    id::{Sid, UserId},
    oauth::ClientId,
    store::StoreError,
};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditKind {
    /// Somebody signed in.
    SignedIn,
    /// A name or a password was wrong, or the account disabled.
    SignInRefused,
    /// Too many passwords were waiting.
    SignInOverloaded,
    /// A refresh token was exchanged for the next one.
    Refreshed,
    /// A used-up ticket or refresh token came back; the login was ended.
    RefreshReused,
    /// A login was ended by its owner.
    LoginEnded,
    /// One access token was revoked.
    TokenRevoked,
    /// All logins of a person but one were ended by them.
    OtherLoginsEnded,
    /// All logins of a person were ended by somebody else.
    AllLoginsEnded,
    /// A person changed their password; all of their logins ended.
    PasswordChanged,
    /// A person gave a wrong current password.
    PasswordChangeRefused,
    /// An administrator set a password; all logins of the account ended.
    PasswordSet,
    /// Too many sign-ins failed before; this one waits, and so does whatever comes meanwhile.
    SignInThrottled,
    /// A login was refreshed too often, or one refresh token repeated.
    RefreshThrottled,
    /// The refresh token before the current one was repeated from another address or by another user agent than that which refreshed.
    RefreshRepeatedElsewhere,
    /// A login was ended as the oldest of too many.
    SurplusEnded,
    /// Too many current passwords were wrong.
    PasswordChangeThrottled,
    /// A person proved again who they are.
    Reauthenticated,
    /// A person gave a wrong password when asked again.
    ReauthenticationRefused,
    /// Too many passwords were wrong when asked again.
    ReauthenticationThrottled,
    /// A browser's login was bound to its device.
    DeviceBound,
    /// Something that is no proof of a device's key was presented as one; at most one event a minute for a session.
    DeviceProofRefused,
    /// A bound session's cookie came from elsewhere without a proof; at most one event a minute for a session.
    TheftSuspected,
    /// An account was created.
    UserCreated,
    /// An account was disabled; all of its logins ended.
    UserDisabled,
    /// An account was enabled.
    UserEnabled,
    /// An account was deleted; all of its logins ended.
    UserDeleted,
    /// A client got a token in its own name.
    ClientTokenIssued,
    /// A client did not prove who it is; at most one event in ten seconds.
    ClientRefused,
    /// A client asked too often what tokens are worth.
    IntrospectionThrottled,
    /// A client was registered.
    ClientCreated,
    /// A client was ended; its tokens died.
    ClientDisabled,
    /// A client got another secret.
    ClientSecretRotated,
    /// A new signing key was published.
    KeyRotated,
    /// A signing key was revoked; its tokens died.
    KeyRevoked,
}

impl AuditKind {
    /// All of them.
    pub const ALL: [Self; 35] = [
        Self::SignedIn,
        Self::SignInRefused,
        Self::SignInOverloaded,
        Self::Refreshed,
        Self::RefreshReused,
        Self::LoginEnded,
        Self::TokenRevoked,
        Self::OtherLoginsEnded,
        Self::AllLoginsEnded,
        Self::PasswordChanged,
        Self::PasswordChangeRefused,
        Self::PasswordSet,
        Self::SignInThrottled,
        Self::RefreshThrottled,
        Self::RefreshRepeatedElsewhere,
        Self::SurplusEnded,
        Self::PasswordChangeThrottled,
        Self::Reauthenticated,
        Self::ReauthenticationRefused,
        Self::ReauthenticationThrottled,
        Self::DeviceBound,
        Self::DeviceProofRefused,
        Self::TheftSuspected,
        Self::UserCreated,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserDeleted,
        Self::ClientTokenIssued,
        Self::ClientRefused,
        Self::IntrospectionThrottled,
        Self::ClientCreated,
        Self::ClientDisabled,
        Self::ClientSecretRotated,
        Self::KeyRotated,
        Self::KeyRevoked,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "SIGNED_IN",
            Self::SignInRefused => "SIGN_IN_REFUSED",
            Self::SignInOverloaded => "SIGN_IN_OVERLOADED",
            Self::Refreshed => "REFRESHED",
            Self::RefreshReused => "REFRESH_REUSED",
            Self::LoginEnded => "LOGIN_ENDED",
            Self::TokenRevoked => "TOKEN_REVOKED",
            Self::OtherLoginsEnded => "OTHER_LOGINS_ENDED",
            Self::AllLoginsEnded => "ALL_LOGINS_ENDED",
            Self::PasswordChanged => "PASSWORD_CHANGED",
            Self::PasswordChangeRefused => "PASSWORD_CHANGE_REFUSED",
            Self::PasswordSet => "PASSWORD_SET",
            Self::SignInThrottled => "SIGN_IN_THROTTLED",
            Self::RefreshThrottled => "REFRESH_THROTTLED",
            Self::RefreshRepeatedElsewhere => "REFRESH_REPEATED_ELSEWHERE",
            Self::SurplusEnded => "SURPLUS_LOGIN_ENDED",
            Self::PasswordChangeThrottled => "PASSWORD_CHANGE_THROTTLED",
            Self::Reauthenticated => "REAUTHENTICATED",
            Self::ReauthenticationRefused => "REAUTHENTICATION_REFUSED",
            Self::ReauthenticationThrottled => "REAUTHENTICATION_THROTTLED",
            Self::DeviceBound => "DEVICE_BOUND",
            Self::DeviceProofRefused => "DEVICE_PROOF_REFUSED",
            Self::TheftSuspected => "THEFT_SUSPECTED",
            Self::UserCreated => "USER_CREATED",
            Self::UserDisabled => "USER_DISABLED",
            Self::UserEnabled => "USER_ENABLED",
            Self::UserDeleted => "USER_DELETED",
            Self::ClientTokenIssued => "CLIENT_TOKEN_ISSUED",
            Self::ClientRefused => "CLIENT_REFUSED",
            Self::IntrospectionThrottled => "INTROSPECTION_THROTTLED",
            Self::ClientCreated => "CLIENT_CREATED",
            Self::ClientDisabled => "CLIENT_DISABLED",
            Self::ClientSecretRotated => "CLIENT_SECRET_ROTATED",
            Self::KeyRotated => "KEY_ROTATED",
            Self::KeyRevoked => "KEY_REVOKED",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where a call came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address, when known.
    pub ip_address: Option<IpAddr>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// What web-service calls the request that it was part of.
    pub request_id: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When.
    pub at: OffsetDateTime,
    /// What.
    pub kind: AuditKind,
    /// Whose account, when there is one.
    pub user: Option<UserId>,
    /// Which login.
    pub sid: Option<Sid>,
    /// Which client, where it is about one.
    pub client: Option<ClientId>,
    /// Who did it to them; `None`: they themselves, or the operator.
    pub actor: Option<UserId>,
    /// Where from.
    pub origin: Origin,
}

/// An event as it was kept.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// Its number; numbers grow.
    pub id: i64,
    /// What happened.
    pub event: AuditEvent,
}

/// Which events are asked for, and how many.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Of this account.
    pub user: Option<UserId>,
    /// Of this kind.
    pub kind: Option<AuditKind>,
    /// Older than the event with this number.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Where events are kept.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Keeps an event. It does not wait for the store, and what happened has happened whatever becomes of this.
    fn record(&self, event: AuditEvent);

    /// The events asked for, the latest first.
    async fn events(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(AuditKind::from_name("signed_in"), None);
    }
}
