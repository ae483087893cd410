//! Sign-outs that auth-service has not heard of yet. They are tried until it has.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use service_kit::seldom::Seldom;
use tokio::{sync::mpsc, time::sleep};

use crate::domain::{
    auth::{Auth, AuthError, Client},
    sign_out::EndLater,
};

/// How many may wait.
const WAITING: usize = 4096;

/// Between two tries; while auth-service is away a try costs nothing.
const PAUSE: Duration = Duration::from_millis(250);

static LOST: Seldom = Seldom::new();

/// What waits, in this process's memory.
#[derive(Clone)]
pub struct SignOuts(mpsc::Sender<SignOut>);

type SignOut = (SecretString, Client);

impl SignOuts {
    /// Starts to try.
    pub fn start(auth: Arc<dyn Auth>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(end_all(auth, receiver));
        Self(sender)
    }
}

impl EndLater for SignOuts {
    fn end_later(&self, refresh_token: SecretString, client: Client) {
        if self.0.try_send((refresh_token, client)).is_err() {
            LOST.log(|lost| {
                tracing::error!(lost, "logins that were signed out live on without a holder");
            });
        }
    }
}

async fn end_all(auth: Arc<dyn Auth>, mut waiting: mpsc::Receiver<SignOut>) {
    while let Some((token, client)) = waiting.recv().await {
        let token = token.expose_secret();
        while let Err(AuthError::Unavailable { .. }) = auth.end_login(token, &client).await {
            sleep(PAUSE).await;
        }
    }
}
