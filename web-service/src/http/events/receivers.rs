//! The receivers of events: how many there are, and how long each may be sent some.

use std::{sync::Arc, time::Duration};

use holdfast_client::{Claims, RevocableIds, RevocationWatcher};
use holdfast_core::clock::Clock;
use holdfast_metrics::Gauge;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    http::{
        events::slots::{Slot, Slots},
        extract::access_token::OwnToken,
    },
    service_error::ServiceError,
};

/// Time after which a receiver may try again where there are too many.
const RETRY: Duration = Duration::from_secs(5);

/// Admits receivers. Clones share the limit of their number.
#[derive(Clone)]
pub struct Receivers {
    revocations: RevocationWatcher,
    clock: Arc<dyn Clock>,
    slots: Slots,
    closing: CancellationToken,
}

/// A receiver that was admitted.
pub(in crate::http) struct Receiver {
    /// Its place, until it is dropped.
    pub(in crate::http) slot: Slot,
    /// Whether its access token is still valid.
    pub(in crate::http) token: HeldToken,
    /// Cancelled when this instance is shutting down.
    pub(in crate::http) closing: CancellationToken,
}

/// An access token that was valid when its holder was admitted.
pub(in crate::http) struct HeldToken {
    claims: Arc<Claims>,
    /// Number of signing keys that were revoked before. One that is revoked later may be that of the token.
    revoked_keys: u64,
    revocations: RevocationWatcher,
    clock: Arc<dyn Clock>,
}

impl Receivers {
    /// Admits none yet.
    #[must_use]
    pub fn new(revocations: RevocationWatcher, clock: Arc<dyn Clock>) -> Self {
        Self {
            revocations,
            clock,
            slots: Slots::default(),
            closing: CancellationToken::new(),
        }
    }

    /// Others, with a limit of their own.
    #[must_use]
    pub fn separate(&self) -> Self {
        Self {
            slots: Slots::default(),
            ..self.clone()
        }
    }

    /// Dismisses all, also the separate ones, which would delay the drain, and admits no others.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// The number of receivers.
    pub(super) fn gauge(&self) -> Gauge {
        self.slots.gauge()
    }

    /// Admits the holder of an access token. A 429 while there are as many as there may be.
    pub(in crate::http) fn admit<S>(&self, token: OwnToken<S>) -> Result<Receiver, ServiceError> {
        if self.closing.is_cancelled() {
            return Err(ServiceError::overloaded());
        }
        let slot = self.slots.acquire(&token.claims.client_id);
        Ok(Receiver {
            slot: slot.ok_or(ServiceError::Throttled { retry_after: RETRY })?,
            token: HeldToken {
                claims: token.claims,
                revoked_keys: token.revoked_keys,
                revocations: self.revocations.clone(),
                clock: Arc::clone(&self.clock),
            },
            closing: self.closing.clone(),
        })
    }
}

impl HeldToken {
    /// False also while it is unknown what was revoked.
    pub(in crate::http) fn is_valid(&self) -> bool {
        let ids = RevocableIds::from(&*self.claims);
        let is_revoked = self.revocations.is_revoked(ids)
            || self.revocations.revoked_keys() != self.revoked_keys;
        self.claims.expires_at > self.now() && !is_revoked && self.revocations.is_current()
    }

    fn now(&self) -> OffsetDateTime {
        let by_issuer = self.revocations.issuer_now();
        by_issuer.unwrap_or_else(|| self.clock.now())
    }
}
