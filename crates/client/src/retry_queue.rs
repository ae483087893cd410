//! What auth-service has not heard yet: sign-outs, and what became of devices. It is told until it has.

use std::{sync::Arc, time::Duration};

use holdfast_core::rate_limited_log::LogRateLimiter;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::mpsc, time::sleep};

use crate::{
    auth::{AuthError, AuthService, ClientInfo},
    device_report::{DeviceReport, DeviceReports},
};

/// How many may wait.
const WAITING: usize = 4096;

/// Between two tries; while auth-service is away a try costs nothing.
const PAUSE: Duration = Duration::from_millis(250);

static LOST: LogRateLimiter = LogRateLimiter::new();

/// Ends logins when auth-service is there again.
pub trait DeferredSignOut: Send + Sync {
    /// Takes the refresh token of a login that is to end, and who signed it out.
    fn end_later(&self, refresh_token: SecretString, client: ClientInfo);
}

/// What waits, in this process's memory.
#[derive(Clone)]
pub struct RetryQueue(mpsc::Sender<PendingCall>);

enum PendingCall {
    SignOut(SecretString, ClientInfo),
    Device(DeviceReport),
}

impl RetryQueue {
    /// Starts to try.
    pub fn start(auth: Arc<dyn AuthService>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(tell_all(auth, receiver));
        Self(sender)
    }
}

impl DeferredSignOut for RetryQueue {
    fn end_later(&self, refresh_token: SecretString, client: ClientInfo) {
        let news = PendingCall::SignOut(refresh_token, client);
        if self.0.try_send(news).is_err() {
            LOST.log(|lost| {
                tracing::error!(lost, "logins that were signed out live on without a holder");
            });
        }
    }
}

impl DeviceReports for RetryQueue {
    fn report(&self, report: DeviceReport) {
        let event = report.event;
        if self.0.try_send(PendingCall::Device(report)).is_err() {
            LOST.log(|lost| {
                tracing::error!(?event, lost, "what became of a device is in no audit trail");
            });
        }
    }
}

async fn tell_all(auth: Arc<dyn AuthService>, mut waiting: mpsc::Receiver<PendingCall>) {
    while let Some(news) = waiting.recv().await {
        while let Err(AuthError::Unavailable { .. }) = tell(&*auth, &news).await {
            sleep(PAUSE).await;
        }
    }
}

async fn tell(auth: &dyn AuthService, news: &PendingCall) -> Result<(), AuthError> {
    match news {
        PendingCall::SignOut(token, client) => {
            auth.end_login(token.expose_secret(), None, client).await
        }
        PendingCall::Device(report) => auth.report_device(report).await,
    }
}
