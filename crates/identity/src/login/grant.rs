//! Grants: what a login allowed one OAuth client.

use std::net::IpAddr;

use holdfast_core::client_network::ClientNetwork;
use time::OffsetDateTime;

use crate::{
    audit::AuditEvent,
    id::{GrantId, Sid},
    key::Algorithm,
    login::{ClientInfo, ClientKind, Generation, Login},
    oauth::{ClientId, KeyThumbprint, Sector},
    token::Scopes,
};

/// What an OAuth client must and may do with the grants that it has, as it is registered at the time of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRules {
    /// Whether it must authenticate itself with each refresh token, because it is confidential (RFC 6749 §6).
    pub is_confidential: bool,
    /// Whether it may use refresh tokens.
    pub may_refresh: bool,
    /// Whether its tokens must be bound to a key (RFC 9449 §5.2).
    pub dpop_required: bool,
    /// The algorithm that its ID tokens are signed with; `None` where people do not sign in to it.
    pub id_token_algorithm: Option<Algorithm>,
    /// The sector of its pairwise subject identifiers; `None` where they are not pairwise.
    pub sector: Option<Sector>,
}

/// What a login allowed one OAuth client, and the state of the refresh tokens of that. It ends with its login, or alone.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Identifier of the grant.
    pub id: GrantId,
    /// The login that it belongs to.
    pub sid: Sid,
    /// The OAuth client that tokens are issued to.
    pub client: ClientId,
    /// What that OAuth client must and may do.
    pub client_rules: ClientRules,
    /// Scopes that were granted.
    pub scopes: Scopes,
    /// The only audience that tokens may have; `None` for all audiences that are served.
    pub audience: Option<String>,
    /// The current generation of its refresh token.
    pub generation: Generation,
    /// Time at which that generation was issued, UTC.
    pub refreshed_at: OffsetDateTime,
    /// IP address that the current generation was issued to, if known.
    pub refresh_ip_address: Option<IpAddr>,
    /// User agent that the current generation was issued to, if known.
    pub refresh_user_agent: Option<String>,
    /// The key that its tokens are bound to; `None` for bearer tokens.
    pub key: Option<KeyThumbprint>,
    /// Whether it ended before its login.
    pub ended: bool,
}

impl Grant {
    /// Whether it is the grant that its login began with. The end of that grant is the end of the login.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.id == GrantId::first_of(self.sid)
    }

    /// Who keeps its tokens: web-service only those of the grant that a browser's login began with.
    #[must_use]
    pub fn holder(&self, login: &Login) -> ClientKind {
        if self.is_first() {
            login.kind
        } else {
            ClientKind::Api
        }
    }

    /// Whether the network or the user agent of `client` differs from that of the latest refresh. What is unknown of one of the two
    /// is not compared.
    #[must_use]
    pub fn was_refreshed_elsewhere(&self, client: &ClientInfo) -> bool {
        let address = self.refresh_ip_address.zip(client.ip_address);
        let agent = self.refresh_user_agent.as_ref();
        let agent = agent.zip(client.user_agent.as_ref());
        address.is_some_and(|(one, other)| ClientNetwork::from(one) != ClientNetwork::from(other))
            || agent.is_some_and(|(one, other)| one != other)
    }
}

/// A grant that is about to begin, with the first generation of its refresh token.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Identifier of the grant.
    pub id: GrantId,
    /// The login that it belongs to.
    pub sid: Sid,
    /// The OAuth client that tokens are issued to.
    pub client: ClientId,
    /// Scopes that are granted.
    pub scopes: Scopes,
    /// The only audience that tokens may have; `None` for all audiences that are served.
    pub audience: Option<String>,
    /// The key that its tokens are bound to; `None` for bearer tokens.
    pub key: Option<KeyThumbprint>,
    /// The source of the request.
    pub source: ClientInfo,
    /// Time by which its access tokens have expired, UTC, if these are the only credentials that are accepted without a look at the
    /// rows of grant and login. `None` for a browser, whose session cookie is another such credential.
    pub tokens_until: Option<OffsetDateTime>,
    /// Start of the grant, UTC.
    pub created_at: OffsetDateTime,
    /// The scopes that the account's owner has consented to in all, where people sign in to the OAuth client. They are stored with the grant.
    pub consented: Option<Scopes>,
    /// Audit events of the start.
    pub events: Vec<AuditEvent>,
}

/// Maximum number of live grants that one OAuth client has of a login: a browser may sign in to it in several tabs, and again after it has
/// lost its own session. When another one begins, the one that was used least recently ends.
pub const MAX_GRANTS_OF_CLIENT: usize = 16;

/// A grant of a live login as the account's owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRecord {
    /// Identifier of the grant.
    pub id: GrantId,
    /// The OAuth client.
    pub client: ClientId,
    /// Scopes that were granted.
    pub scopes: Scopes,
    /// Start of the grant, UTC.
    pub created_at: OffsetDateTime,
    /// Time of the latest refresh, UTC.
    pub refreshed_at: OffsetDateTime,
}

/// The values that the store writes when a grant advances from one generation to the next.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// The generation that the grant advances to. More than one after the stored one where the store has lost rotations.
    pub to: Generation,
    /// The source of the request.
    pub client: &'a ClientInfo,
    /// Time by which every access token of this and earlier generations has expired, UTC.
    pub tokens_until: OffsetDateTime,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::login) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    /// A grant at this generation of its refresh token.
    pub(in crate::login) fn grant(generation: i64) -> Grant {
        let sid = Sid::from_bytes([1; 16]);
        Grant {
            id: GrantId::first_of(sid),
            sid,
            client: ClientId::first_party(),
            client_rules: ClientRules {
                is_confidential: false,
                may_refresh: true,
                dpop_required: false,
                id_token_algorithm: None,
                sector: None,
            },
            scopes: Scopes::default(),
            audience: None,
            generation: Generation(generation),
            refreshed_at: NOW,
            refresh_ip_address: "192.0.2.1".parse().ok(),
            refresh_user_agent: Some("one/1".to_owned()),
            key: None,
            ended: false,
        }
    }

    #[test]
    fn unknown_address_or_agent_is_not_compared() {
        let is_elsewhere = |address: &str, agent: Option<&str>| {
            grant(1).was_refreshed_elsewhere(&ClientInfo {
                kind: ClientKind::Api,
                ip_address: address.parse().ok(),
                user_agent: agent.map(str::to_owned),
                device: None,
            })
        };
        assert!(!is_elsewhere("192.0.2.1", Some("one/1")));
        assert!(!is_elsewhere("", None), "neither is known");
        assert!(is_elsewhere("192.0.2.2", Some("one/1")));
        assert!(is_elsewhere("192.0.2.1", Some("other/1")));
        assert!(is_elsewhere("", Some("other/1")));
    }
}
