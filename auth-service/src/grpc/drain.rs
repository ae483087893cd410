//! The end of the port: who has begun a sign-in can finish it.
//!
//! A sign-in is two calls: the first checks the password and gives a login ticket, the second exchanges that for tokens. A server that
//! closes its connections between the two breaks sign-ins that took a second password check to get there.

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

use crate::grpc::errors::overloaded;

/// What gives a login ticket.
const GIVE_TICKETS: [&str; 2] = [
    "/auth.v1.AuthService/Login",
    "/auth.v1.AccountService/ChangePassword",
];

/// How long the exchange of a ticket is waited for; web-service does it at once.
const EXCHANGE: Duration = Duration::from_millis(500);

/// How long new sign-ins are let in after the signal to stop, while others have not finished, and how long those may then take.
const LET_IN: Duration = Duration::from_secs(2);
const FINISH: Duration = Duration::from_secs(3);

/// The sign-ins that have begun and have no tokens yet. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct SignIns(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    finished: Notify,
}

#[derive(Default)]
struct State {
    /// Calls that will give a ticket.
    running: usize,
    /// When the last one of them ended.
    ended_at: Option<Instant>,
    is_closed: bool,
}

impl SignIns {
    /// Waits until every sign-in that has begun had the time to be finished. New ones are let in for as long as there has been no
    /// moment without any, but not for long.
    pub(super) async fn finish(&self) {
        if timeout(LET_IN, self.quiet()).await.is_ok() {
            return;
        }
        self.state().is_closed = true;
        if timeout(FINISH, self.quiet()).await.is_err() {
            tracing::warn!("sign-ins were still under way at the stop");
        }
    }

    async fn quiet(&self) {
        loop {
            let finished = self.0.finished.notified();
            let (running, ended_at) = {
                let state = self.state();
                (state.running, state.ended_at)
            };
            let quiet_at = ended_at.map(|ended_at| ended_at + EXCHANGE);
            match quiet_at {
                _ if running > 0 => finished.await,
                Some(quiet_at) if quiet_at > Instant::now() => tokio::select! {
                    () = sleep_until(quiet_at) => {}
                    () = finished => {}
                },
                _ => return,
            }
        }
    }

    /// `None`: no more are let in.
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

/// A call that will give a ticket, until it ends.
struct Running(SignIns);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        state.ended_at = Some(Instant::now());
        drop(state);
        self.0.0.finished.notify_waiters();
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

/// A service whose sign-ins are counted.
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
        if !GIVE_TICKETS.contains(&request.uri().path()) {
            return Either::Left(self.inner.call(request));
        }
        let Some(running) = self.sign_ins.begin() else {
            let refusal = overloaded("this instance stops");
            return Either::Right(Box::pin(ready(Err(refusal.into()))));
        };
        let answer = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let answer = answer.await;
            drop(running);
            answer
        }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    async fn time_to_finish(sign_ins: &SignIns) -> Duration {
        let begun = Instant::now();
        sign_ins.finish().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn without_sign_ins_it_ends_at_once() {
        let sign_ins = SignIns::default();
        assert_eq!(time_to_finish(&sign_ins).await, Duration::ZERO);
        drop(sign_ins.begin());
        sleep(EXCHANGE).await;
        assert_eq!(time_to_finish(&sign_ins).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn ticket_that_was_just_given_can_be_exchanged() {
        let sign_ins = SignIns::default();
        let running = sign_ins.begin().unwrap();
        tokio::spawn(async {
            sleep(Duration::from_secs(1)).await;
            drop(running);
        });
        let took = time_to_finish(&sign_ins).await;
        assert_eq!(took, Duration::from_secs(1) + EXCHANGE);
    }

    #[tokio::test(start_paused = true)]
    async fn where_they_never_pause_new_ones_are_refused_and_the_others_finish() {
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
        let took = time_to_finish(&sign_ins).await;
        assert!(took > LET_IN && took < LET_IN + FINISH, "{took:?}");
        flood.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_ends_is_not_waited_for_for_ever() {
        let sign_ins = SignIns::default();
        let _running = sign_ins.begin();
        assert_eq!(time_to_finish(&sign_ins).await, LET_IN + FINISH);
    }
}
