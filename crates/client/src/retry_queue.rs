//! What auth-service has not heard yet: sign-outs, and what became of devices. It is told until it has.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use service_kit::seldom::Seldom;
use tokio::{sync::mpsc, time::sleep};

use crate::domain::{
    auth::{Auth, AuthError, Client},
    device::{DeviceReport, DeviceReports},
    sign_out::EndLater,
};

/// How many may wait.
const WAITING: usize = 4096;

/// Between two tries; while auth-service is away a try costs nothing.
const PAUSE: Duration = Duration::from_millis(250);

static LOST: Seldom = Seldom::new();

/// What waits, in this process's memory.
#[derive(Clone)]
pub struct Late(mpsc::Sender<News>);

enum News {
    SignOut(SecretString, Client),
    Device(DeviceReport),
}

impl Late {
    /// Starts to try.
    pub fn start(auth: Arc<dyn Auth>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(tell_all(auth, receiver));
        Self(sender)
    }
}

impl EndLater for Late {
    fn end_later(&self, refresh_token: SecretString, client: Client) {
        let news = News::SignOut(refresh_token, client);
        if self.0.try_send(news).is_err() {
            LOST.log(|lost| {
                tracing::error!(lost, "logins that were signed out live on without a holder");
            });
        }
    }
}

impl DeviceReports for Late {
    fn report(&self, report: DeviceReport) {
        let event = report.event;
        if self.0.try_send(News::Device(report)).is_err() {
            LOST.log(|lost| {
                tracing::error!(?event, lost, "what became of a device is in no audit trail");
            });
        }
    }
}

async fn tell_all(auth: Arc<dyn Auth>, mut waiting: mpsc::Receiver<News>) {
    while let Some(news) = waiting.recv().await {
        while let Err(AuthError::Unavailable { .. }) = tell(&*auth, &news).await {
            sleep(PAUSE).await;
        }
    }
}

async fn tell(auth: &dyn Auth, news: &News) -> Result<(), AuthError> {
    match news {
        News::SignOut(token, client) => auth.end_login(token.expose_secret(), None, client).await,
        News::Device(report) => auth.report_device(report).await,
    }
}
