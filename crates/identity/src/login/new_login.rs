//! Logins that are about to start.

use time::OffsetDateTime;

use crate::{
    account::AuthenticationVersion,
    audit::AuditEvent,
    authentication::{Factors, KeyedHash, KeyedHasher, KnownLocations},
    id::{Sid, UserId},
    login::{ClientInfo, Login},
};

/// Maximum number of live logins of an account. When another one starts, the oldest ends.
pub const MAX_LIVE_LOGINS: u32 = 100;

/// A login that is about to start.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Identifier of the login.
    pub sid: Sid,
    /// The account that signs in.
    pub user_id: UserId,
    /// The version of the credentials that were verified. The login starts only if it is still the account's.
    pub authentication_version: AuthenticationVersion,
    /// The source of the sign-in.
    pub client: ClientInfo,
    /// The locations of that source, which are known to the account from now on.
    pub known_locations: KnownLocations,
    /// The factors that were verified; `amr` of the login.
    pub factors: Factors,
    /// Start of the login and time of the authentication, UTC.
    pub created_at: OffsetDateTime,
    /// Expiry of the login, however often it is refreshed.
    pub expires_at: OffsetDateTime,
    /// Audit events of the start.
    pub events: Vec<AuditEvent>,
    /// Audit event for each older login that ends because the account has too many, but for its `sid`.
    pub surplus_event: AuditEvent,
}

impl NewLogin {
    /// Returns the login as it is once it has started.
    #[must_use]
    pub fn started(&self) -> Login {
        Login {
            sid: self.sid,
            kind: self.client.kind,
            factors: self.factors.clone(),
            authenticated_at: self.created_at,
            last_seen_at: self.created_at,
            expires_at: self.expires_at,
            ended: false,
        }
    }

    /// The audit events for the end of older logins.
    #[must_use]
    pub fn surplus_events(&self, ended: &[Sid]) -> Vec<AuditEvent> {
        let event = |sid: &Sid| AuditEvent {
            sid: Some(*sid),
            ..self.surplus_event.clone()
        };
        ended.iter().map(event).collect()
    }
}

/// A sign-in form as it was shown to one browser, identified by web-service. Sent twice, it starts one login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInForm([u8; 16]);

impl SignInForm {
    /// Returns the form with this identifier; `None` unless it has 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Derives the identifier of the login that `user` starts with this form, the same on all instances. A `sid` is not secret;
    /// the keyed hash ensures that no caller can choose it.
    #[must_use]
    pub fn sid(&self, keyed_hasher: &dyn KeyedHasher, user: UserId) -> Sid {
        let KeyedHash(hash) = keyed_hasher.hash(&[b"sign-in form", user.as_bytes(), &self.0]);
        Sid::from_random_bytes(hash)
    }
}
