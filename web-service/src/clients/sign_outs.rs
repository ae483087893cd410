//! Sign-outs that auth-service has not heard of yet. They are tried until it has.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use service_kit::seldom::Seldom;
use tokio::{sync::mpsc, time::sleep};

use crate::domain::{
    auth::{Auth, AuthError},
    sign_out::EndLater,
};

/// How many may wait.
const WAITING: usize = 4096;

/// Between two tries; while auth-service is away a try costs nothing.
const PAUSE: Duration = Duration::from_millis(250);

static LOST: Seldom = Seldom::new();

/// What waits, in this process's memory.
#[derive(Clone)]
pub struct SignOuts(mpsc::Sender<SecretString>);

impl SignOuts {
    /// Starts to try.
    pub fn start(auth: Arc<dyn Auth>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(end_all(auth, receiver));
        Self(sender)
    }
}

impl EndLater for SignOuts {
    fn end_later(&self, refresh_token: SecretString) {
        if self.0.try_send(refresh_token).is_err() {
            LOST.log(|lost| {
                tracing::error!(lost, "logins that were signed out live on without a holder");
            });
        }
    }
}

async fn end_all(auth: Arc<dyn Auth>, mut waiting: mpsc::Receiver<SecretString>) {
    while let Some(token) = waiting.recv().await {
        while let Err(AuthError::Unavailable { .. }) = auth.end_login(token.expose_secret()).await {
            sleep(PAUSE).await;
        }
    }
}
