//! Read-your-writes for revocations: a caller sees the revocation that it requested as soon as the call returns, although other
//! revocations reach this process over the stream some milliseconds later.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use auth_proto::v1::{
    ChangePasswordResponse, ConfirmTotpEnrolmentResponse, EndApplicationResponse, EndGrantResponse,
    EndLoginResponse, EndOtherLoginsResponse, RemoveFactorResponse, RemovePasswordResponse,
    ReportDeviceResponse, RevokeTokenResponse,
};
use holdfast_metrics::{Counter, Histogram, Registry, durations, observe};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::error::AuthError;

/// How long a call waits for the stream to deliver its revocation, which usually takes a millisecond.
const MAX_WAIT: Duration = Duration::from_millis(100);

static DELAYS: LazyLock<Histogram> = LazyLock::new(durations);
static MISSED: LazyLock<Counter> = LazyLock::new(Counter::default);

pub(crate) fn register(registry: &mut Registry) {
    registry.register(
        "revocation_delivery_seconds",
        "Time from the answer to a call that revokes something until the revocation stream delivered it",
        DELAYS.clone(),
    );
    registry.register(
        "revocations_not_delivered",
        "Calls that may have revoked something of which it is unknown whether the stream delivered it; every cached verdict is discarded then",
        MISSED.clone(),
    );
}

/// Waits for the revocations that this process requested, and counts those that were not delivered in time.
#[derive(Debug, Default)]
pub(crate) struct PendingRevocations {
    missed: AtomicU64,
    /// Highest sequence that the stream delivered; `None` while it is disconnected.
    delivered: watch::Sender<Option<i64>>,
}

/// A response that contains the sequence of the revocation that the call caused.
pub(crate) trait RevokingResponse {
    /// The sequence; 0 where the response has none.
    fn revocation_sequence(&self) -> i64;
}

macro_rules! revoking_responses {
    ($($response:ty),*) => {
        $(impl RevokingResponse for $response {
            fn revocation_sequence(&self) -> i64 {
                self.revocation_sequence
            }
        })*
    };
}

revoking_responses!(
    ChangePasswordResponse,
    ConfirmTotpEnrolmentResponse,
    EndApplicationResponse,
    EndLoginResponse,
    EndGrantResponse,
    EndOtherLoginsResponse,
    RemoveFactorResponse,
    RemovePasswordResponse,
    ReportDeviceResponse,
    RevokeTokenResponse
);

impl PendingRevocations {
    /// Number of revocations of which it is unknown whether the stream delivered them. Each increase invalidates all cached results.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Acquire)
    }

    /// Takes the result of a call that revokes something. Returns when no cached result contradicts it.
    pub(crate) async fn settle<T: RevokingResponse>(&self, result: &Result<T, AuthError>) {
        match result {
            Ok(response) => self.revoked(response.revocation_sequence()).await,
            // auth-service counts before it revokes: a throttled call has revoked nothing.
            Err(AuthError::Refused(_) | AuthError::Throttled { .. }) => {}
            Err(AuthError::Unavailable { .. } | AuthError::Broken(_)) => self.may_have_revoked(),
        }
    }

    /// A call may have revoked something, with an unknown sequence.
    fn may_have_revoked(&self) {
        MISSED.inc();
        self.missed.fetch_add(1, Ordering::Release);
    }

    /// A call revoked something. Returns when the stream has delivered it, or all cached results are invalidated.
    async fn revoked(&self, revocation_sequence: i64) {
        let begun = Instant::now();
        let mut delivered = self.delivered.subscribe();
        let delivery =
            delivered.wait_for(|newest| newest.is_none_or(|newest| newest >= revocation_sequence));
        let is_delivered = match timeout(MAX_WAIT, delivery).await {
            Ok(Ok(newest)) => revocation_sequence > 0 && newest.is_some(),
            Ok(Err(_)) | Err(_) => false,
        };
        if is_delivered {
            observe(&DELAYS, begun.elapsed());
        } else {
            self.may_have_revoked();
        }
    }

    /// The stream has delivered everything up to `newest`; `None`: it is disconnected.
    pub(crate) fn delivered(&self, newest: Option<i64>) {
        self.delivered.send_replace(newest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn revocation_delivered_in_time_invalidates_nothing() {
        let pending = Arc::new(PendingRevocations::default());
        pending.delivered(Some(6));
        let calling = Arc::clone(&pending);
        let call = tokio::spawn(async move { calling.revoked(7).await });
        tokio::task::yield_now().await;
        assert!(!call.is_finished());
        pending.delivered(Some(7));
        call.await.unwrap();
        pending.revoked(5).await;
        assert_eq!(pending.missed(), 0);
    }

    #[tokio::test]
    async fn only_a_call_that_may_have_revoked_invalidates() {
        let pending = PendingRevocations::default();
        let retry_after = Duration::from_secs(1);
        let settle = async |error| {
            pending.settle(&Err::<RevokeTokenResponse, _>(error)).await;
            pending.missed()
        };
        assert_eq!(settle(AuthError::Throttled { retry_after }).await, 0);
        assert_eq!(settle(AuthError::Broken("reset".to_owned())).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn revocation_not_delivered_in_time_invalidates_everything() {
        let pending = PendingRevocations::default();
        pending.delivered(Some(6));
        pending.revoked(7).await;
        assert_eq!(pending.missed(), 1, "it waited");
        pending.revoked(0).await;
        assert_eq!(pending.missed(), 2, "the sequence is unknown");
        pending.delivered(None);
        pending.revoked(3).await;
        assert_eq!(pending.missed(), 3, "the stream is disconnected");
    }
}
