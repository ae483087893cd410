//! The drain of sign-ins: one that has begun can finish after the stop signal.
//!
//! A sign-in is two calls: the first verifies the password and returns a login ticket, the second exchanges the ticket for tokens. A server
//! that closes its connections between the two makes a sign-in fail whose password has been verified.

use std::{
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{BoxFuture, Either};
use http::Request;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};
use tonic::body::Body;
use tower::{BoxError, Layer, Service};

use crate::grpc::{errors::overloaded, rpc_paths};

/// RPCs that return a login ticket.
const TICKET_RPCS: [&str; 4] = [
    rpc_paths::LOGIN,
    rpc_paths::START_AUTHENTICATION,
    rpc_paths::CONTINUE_AUTHENTICATION,
    rpc_paths::CHANGE_PASSWORD,
];

/// How long after a ticket was returned its exchange may begin; web-service begins it at once.
const EXCHANGE_WITHIN: Duration = Duration::from_millis(500);

/// How long after the stop signal new sign-ins are admitted while others are unfinished.
const ADMIT_FOR: Duration = Duration::from_secs(2);
/// How long the admitted sign-ins may then take.
const FINISH_WITHIN: Duration = Duration::from_secs(3);

/// The layer that counts the sign-ins that have begun and not finished. Clones share the count.
#[derive(Clone, Default)]
pub(super) struct SignIns(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    /// Calls of [`TICKET_RPCS`] in progress.
    running: usize,
    /// When the last one of them ended.
    ended_at: Option<Instant>,
    /// Whether new ones are rejected.
    is_closed: bool,
}

impl SignIns {
    /// Waits until every sign-in that has begun has had time to finish. New ones are admitted until there is a moment without any, and for
    /// [`ADMIT_FOR`] at most.
    pub(super) async fn finish(&self) {
        if timeout(ADMIT_FOR, self.idle()).await.is_ok() {
            return;
        }
        self.state().is_closed = true;
        if timeout(FINISH_WITHIN, self.idle()).await.is_err() {
            tracing::warn!(
                event = "drain.sign_ins_unfinished",
                "sign-ins were unfinished at shutdown; they fail"
            );
        }
    }

    async fn idle(&self) {
        loop {
            let ended = self.0.ended.notified();
            let (running, ended_at) = {
                let state = self.state();
                (state.running, state.ended_at)
            };
            let idle_at = ended_at.map(|ended_at| ended_at + EXCHANGE_WITHIN);
            match idle_at {
                _ if running > 0 => ended.await,
                Some(idle_at) if idle_at > Instant::now() => tokio::select! {
                    () = sleep_until(idle_at) => {}
                    () = ended => {}
                },
                _ => return,
            }
        }
    }

    /// `None`: no more are admitted.
    fn begin(&self) -> Option<Running> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.running += 1;
        Some(Running(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call of [`TICKET_RPCS`], counted until it is dropped.
struct Running(SignIns);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        state.ended_at = Some(Instant::now());
        drop(state);
        self.0.0.ended.notify_waiters();
    }
}

impl<S> Layer<S> for SignIns {
    type Service = CountSignIns<S>;

    fn layer(&self, inner: S) -> CountSignIns<S> {
        CountSignIns {
            inner,
            sign_ins: self.clone(),
        }
    }
}

/// A service in the layer.
#[derive(Clone)]
pub(super) struct CountSignIns<S> {
    inner: S,
    sign_ins: SignIns,
}

impl<S> Service<Request<Body>> for CountSignIns<S>
where
    S: Service<Request<Body>, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<S::Future, BoxFuture<'static, Result<S::Response, BoxError>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !TICKET_RPCS.contains(&request.uri().path()) {
            return Either::Left(self.inner.call(request));
        }
        let Some(running) = self.sign_ins.begin() else {
            let status = overloaded("this instance is shutting down");
            return Either::Right(Box::pin(ready(Err(status.into()))));
        };
        let response = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let response = response.await;
            drop(running);
            response
        }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    async fn drain_time(sign_ins: &SignIns) -> Duration {
        let begun = Instant::now();
        sign_ins.finish().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn drain_without_sign_ins_ends_at_once() {
        let sign_ins = SignIns::default();
        assert_eq!(drain_time(&sign_ins).await, Duration::ZERO);
        drop(sign_ins.begin());
        sleep(EXCHANGE_WITHIN).await;
        assert_eq!(drain_time(&sign_ins).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn drain_after_ticket_waits_for_its_exchange() {
        let sign_ins = SignIns::default();
        let running = sign_ins.begin().unwrap();
        tokio::spawn(async {
            sleep(Duration::from_secs(1)).await;
            drop(running);
        });
        let took = drain_time(&sign_ins).await;
        assert_eq!(took, Duration::from_secs(1) + EXCHANGE_WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn drain_under_continuous_sign_ins_rejects_new_ones() {
        let sign_ins = SignIns::default();
        let mut next = sign_ins.begin();
        let begin = sign_ins.clone();
        let flood = tokio::spawn(async move {
            while let Some(running) = next {
                sleep(Duration::from_millis(100)).await;
                next = begin.begin();
                drop(running);
            }
        });
        let took = drain_time(&sign_ins).await;
        assert!(
            took > ADMIT_FOR && took < ADMIT_FOR + FINISH_WITHIN,
            "{took:?}"
        );
        flood.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn drain_with_endless_sign_in_ends_at_deadline() {
        let sign_ins = SignIns::default();
        let _running = sign_ins.begin();
        assert_eq!(drain_time(&sign_ins).await, ADMIT_FOR + FINISH_WITHIN);
    }
}
