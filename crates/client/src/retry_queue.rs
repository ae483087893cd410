//! Calls that are repeated until auth-service has answered them.

use std::time::Duration;

use holdfast_core::client_info::ClientInfo;
use holdfast_core::rate_limited_log::LogRateLimiter;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::mpsc, time::sleep};

use crate::{auth_client::AuthClient, calls::device::DeviceReport, error::AuthError};

/// Number of calls that can wait.
const CAPACITY: usize = 4096;

/// Pause between two attempts. While a circuit breaker is open, an attempt costs nothing.
const PAUSE: Duration = Duration::from_millis(250);

static SIGN_OUTS_DROPPED: LogRateLimiter = LogRateLimiter::new("retry_queue.sign_out_dropped");
static REPORTS_DROPPED: LogRateLimiter = LogRateLimiter::new("retry_queue.device_report_dropped");

/// A bounded queue, in memory, of sign-outs and device reports that auth-service has not confirmed. Clones share it.
#[derive(Clone)]
pub struct RetryQueue(mpsc::Sender<PendingCall>);

enum PendingCall {
    SignOut(SecretString, ClientInfo),
    DeviceReport(DeviceReport),
}

impl RetryQueue {
    /// An empty queue, and a task that makes its calls one after the other.
    #[must_use]
    pub fn start(auth: AuthClient) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        tokio::spawn(run(auth, receiver));
        Self(sender)
    }

    /// Ends the login of `refresh_token` as soon as auth-service is available; `client` is the source of the sign-out.
    pub fn end_login(&self, refresh_token: SecretString, client: ClientInfo) {
        let call = PendingCall::SignOut(refresh_token, client);
        if self.0.try_send(call).is_err() {
            SIGN_OUTS_DROPPED.log(|lost| {
                tracing::error!(
                    event = "retry_queue.sign_out_dropped",
                    lost,
                    "sign-outs were dropped, as the retry queue is full; their logins stay alive until they expire"
                );
            });
        }
    }

    /// Reports a device event, now or as soon as auth-service is available.
    pub fn report_device(&self, report: DeviceReport) {
        let device_event = report.event;
        if self.0.try_send(PendingCall::DeviceReport(report)).is_err() {
            REPORTS_DROPPED.log(|lost| {
                tracing::error!(
                    event = "retry_queue.device_report_dropped",
                    ?device_event,
                    lost,
                    "device events were dropped, as the retry queue is full; they are missing in the audit trail"
                );
            });
        }
    }
}

async fn run(auth: AuthClient, mut calls: mpsc::Receiver<PendingCall>) {
    while let Some(call) = calls.recv().await {
        while let Err(AuthError::Unavailable { .. }) = make(&auth, &call).await {
            sleep(PAUSE).await;
        }
    }
}

async fn make(auth: &AuthClient, call: &PendingCall) -> Result<(), AuthError> {
    match call {
        PendingCall::SignOut(token, client) => {
            auth.end_login(token.expose_secret(), None, client).await
        }
        PendingCall::DeviceReport(report) => auth.report_device(report).await,
    }
}
