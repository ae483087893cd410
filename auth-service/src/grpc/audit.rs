//! Who did what, from where: calls into audit events.

use std::sync::Arc;

use holdfast_core::clock::Clock;
use holdfast_identity::{
    audit::{AuditEvent, AuditKind, AuditTrail, Origin},
    id::{Sid, UserId},
    login::ClientInfo,
    oauth::ClientId,
    token::Person,
};
use tonic::Request;

use crate::grpc::{
    call_context::{WebIdentity, text},
    tls::Peer,
};

/// `x-request-id`: what web-service calls the request that a call is part of.
const REQUEST_ID: &str = "x-request-id";
const MAX_REQUEST_ID: usize = 64;

/// Records what happens.
#[derive(Clone)]
pub(super) struct Audit {
    pub(super) trail: Arc<dyn AuditTrail>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Whom an event is about.
#[derive(Clone, Default)]
pub(super) struct About {
    pub(super) user: Option<UserId>,
    pub(super) client: Option<ClientId>,
    pub(super) sid: Option<Sid>,
    pub(super) actor: Option<UserId>,
}

impl About {
    /// Of the person whose token this is.
    pub(super) const fn person(person: &Person) -> Self {
        Self::login(person.subject, person.sid)
    }

    /// Of a login and whose it is.
    pub(super) const fn login(user: UserId, sid: Sid) -> Self {
        Self {
            user: Some(user),
            client: None,
            sid: Some(sid),
            actor: None,
        }
    }

    /// Of a client, and of the administrator who did something to it.
    pub(super) const fn client(id: ClientId, admin: Option<UserId>) -> Self {
        Self {
            user: None,
            client: Some(id),
            sid: None,
            actor: admin,
        }
    }

    /// Of somebody to whom an administrator did something.
    pub(super) const fn done_by(admin: &Person, user: UserId) -> Self {
        Self {
            user: Some(user),
            client: None,
            sid: None,
            actor: Some(admin.subject),
        }
    }
}

impl Audit {
    pub(super) fn record(&self, kind: AuditKind, about: About, origin: Origin) {
        self.trail.record(AuditEvent {
            at: self.clock.now(),
            kind,
            user: about.user,
            client: about.client,
            sid: about.sid,
            actor: about.actor,
            origin,
        });
    }
}

/// Where a call came from whose client is known.
pub(super) fn origin<T>(request: &Request<T>, web: &WebIdentity, client: &ClientInfo) -> Origin {
    Origin {
        ip_address: client.ip_address,
        user_agent: client.user_agent.clone(),
        request_id: request_id(request, web),
    }
}

/// Where a call came from that states no client.
pub(super) fn peer<T>(request: &Request<T>, web: &WebIdentity) -> Origin {
    let is_web = web.is_proved_by(request).unwrap_or(false);
    let address = Peer::address(request).map(|address| address.ip());
    Origin {
        // web-service's own says nothing of who asked it.
        ip_address: address.filter(|_| !is_web),
        user_agent: None,
        request_id: request_id(request, web),
    }
}

/// Taken from web-service only: anybody else could lead the reader astray.
fn request_id<T>(request: &Request<T>, web: &WebIdentity) -> Option<String> {
    let value = text(request, REQUEST_ID)?;
    let is_web = web.is_proved_by(request).unwrap_or(false);
    (is_web && value.len() <= MAX_REQUEST_ID).then(|| value.to_owned())
}
