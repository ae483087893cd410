//! What this instance had ended itself: whoever did that is to see it at once, and not some milliseconds later, when it is heard of.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use auth_proto::v1::{
    ChangePasswordResponse, EndLoginResponse, EndOtherLoginsResponse, ReportDeviceResponse,
    RevokeTokenResponse,
};
use tokio::{sync::watch, time::timeout};

/// How long an act waits for its own news, which come as fast as its answer did.
const PATIENCE: Duration = Duration::from_millis(100);

/// Waits for the news of each act, and counts those of which none came in time.
#[derive(Debug, Default)]
pub(super) struct PendingRevocations {
    unheard: AtomicU64,
    /// How much was heard of; `None`: nobody listens.
    heard: watch::Sender<Option<i64>>,
}

/// An answer that says by which number what ended is told.
pub(super) trait RevokingResponse {
    /// The number, or 0.
    fn revocation_sequence(&self) -> i64;
}

macro_rules! ends {
    ($($answer:ty),*) => {
        $(impl RevokingResponse for $answer {
            fn revocation_sequence(&self) -> i64 {
                self.revocation_sequence
            }
        })*
    };
}

ends!(
    ChangePasswordResponse,
    EndLoginResponse,
    EndOtherLoginsResponse,
    ReportDeviceResponse,
    RevokeTokenResponse
);

impl PendingRevocations {
    /// Of how many it is not known that they were heard of: each takes back all that is remembered.
    pub(super) fn unheard(&self) -> u64 {
        self.unheard.load(Ordering::Acquire)
    }

    /// Something may have ended, and nobody knows by which number that is told.
    pub(super) fn may_have_ended(&self) {
        self.unheard.fetch_add(1, Ordering::Release);
    }

    /// Something ended. Returns when it was heard of, or what is remembered was taken back.
    pub(super) async fn ended(&self, revocation_sequence: i64) {
        let mut heard = self.heard.subscribe();
        let news = heard.wait_for(|heard| heard.is_none_or(|newest| newest >= revocation_sequence));
        let is_heard = match timeout(PATIENCE, news).await {
            Ok(Ok(newest)) => revocation_sequence > 0 && newest.is_some(),
            Ok(Err(_)) | Err(_) => false,
        };
        if !is_heard {
            self.may_have_ended();
        }
    }

    /// Everything up to `newest` was heard of; `None` when nobody listens any more.
    pub(super) fn heard(&self, newest: Option<i64>) {
        self.heard.send_replace(newest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_act_returns_when_it_was_heard_of_and_takes_nothing_back() {
        let acts = Arc::new(PendingRevocations::default());
        acts.heard(Some(6));
        let acting = Arc::clone(&acts);
        let act = tokio::spawn(async move { acting.ended(7).await });
        tokio::task::yield_now().await;
        assert!(!act.is_finished());
        acts.heard(Some(7));
        act.await.unwrap();
        acts.ended(5).await;
        assert_eq!(acts.unheard(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_heard_of_in_time_takes_everything_back() {
        let acts = PendingRevocations::default();
        acts.heard(Some(6));
        acts.ended(7).await;
        assert_eq!(acts.unheard(), 1, "it waited");
        acts.ended(0).await;
        assert_eq!(acts.unheard(), 2, "the number is not known");
        acts.heard(None);
        acts.ended(3).await;
        assert_eq!(acts.unheard(), 3, "nobody listens");
    }
}
