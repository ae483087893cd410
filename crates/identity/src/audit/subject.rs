//! What an audit event is about.

use crate::{
    id::{Sid, UserId},
    login::Grant,
    oauth::ClientId,
    token::Person,
};

/// The account, login or OAuth client that an event concerns. The installation as a whole has none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSubject {
    /// The account, if any.
    pub user: Option<UserId>,
    /// The login, if any.
    pub sid: Option<Sid>,
    /// The OAuth client, if any.
    pub client: Option<ClientId>,
}

impl AuditSubject {
    /// A login and its account.
    #[must_use]
    pub const fn login(user: UserId, sid: Sid) -> Self {
        Self {
            user: Some(user),
            sid: Some(sid),
            client: None,
        }
    }

    /// A grant, by its account, login and OAuth client.
    #[must_use]
    pub fn grant(user: UserId, grant: &Grant) -> Self {
        Self {
            client: Some(grant.client.clone()),
            ..Self::login(user, grant.sid)
        }
    }

    /// The login whose access token a call carries.
    #[must_use]
    pub const fn caller(caller: &Person) -> Self {
        Self::login(caller.subject, caller.sid)
    }

    /// An account.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self::attempted(Some(user))
    }

    /// An account, where a failed attempt named an existing one.
    #[must_use]
    pub fn attempted(user: Option<UserId>) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// An OAuth client.
    #[must_use]
    pub fn client(id: &ClientId) -> Self {
        Self {
            client: Some(id.clone()),
            ..Self::default()
        }
    }
}
