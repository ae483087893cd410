//! Back-channel logout: relying parties receive the ends of their sessions (OpenID Connect Back-Channel Logout 1.0).

mod addresses;
mod ends;
mod instances;
mod receiver;
mod registration;
mod retries;
mod tokens;

use auth_service::config::ServeConfig;
use holdfast_identity::{
    key::Algorithm,
    oauth::{LogoutDelivery, RelyingParty},
};

use self::receiver::Receiver;
use crate::{
    authorization::{Fixture, party},
    support::{TestService, until},
};

/// A service that sends to this machine.
fn to_private_addresses(config: &mut ServeConfig) {
    config.outbound.private_addresses = true;
}

/// A relying party that receives ends at this address.
fn party_at(uri: &str) -> RelyingParty {
    RelyingParty {
        backchannel_logout_uri: Some(uri.parse().unwrap()),
        is_first_party: true,
        ..party()
    }
}

/// A service with the account `ada`, a browser that is signed in to it, and the relying party `app` with its server.
async fn start() -> (Fixture, Receiver) {
    start_with(to_private_addresses).await
}

async fn start_with(adjust: impl FnOnce(&mut ServeConfig)) -> (Fixture, Receiver) {
    let receiver = Receiver::start().await;
    let service = TestService::start_with(adjust).await;
    service.add_user("ada", false).await;
    service.add_party("app", party_at(&receiver.uri())).await;
    let (session, sid) = service.browser_session().await;
    let fixture = Fixture {
        service,
        session,
        sid,
    };
    (fixture, receiver)
}

impl Fixture {
    /// Registers another relying party with a server of its own, and signs in to it.
    async fn add_receiver(&self, id: &str, algorithm: Algorithm) -> Receiver {
        let receiver = Receiver::start().await;
        let party = RelyingParty {
            id_token_algorithm: algorithm,
            ..party_at(&receiver.uri())
        };
        self.service.add_party(id, party).await;
        self.sign_in_to(id).await;
        receiver
    }

    async fn sign_in_to(&self, client: &str) {
        let code = self.consented(&[("client_id", client)]).await;
        self.service.exchange(client, &code).await.unwrap();
    }

    async fn sign_out(&self) {
        self.service.revoke(&self.session).await;
    }

    /// Signs another browser in to the service and to `app`.
    async fn other_browser(&self) -> (String, String) {
        let (session, sid) = self.service.browser_session().await;
        let step = self.service.start_authorization(&[], &session).await;
        let code = crate::authorization::code_of(step.unwrap());
        self.service.exchange("app", &code).await.unwrap();
        (session, sid)
    }
}

impl TestService {
    /// The ends that `app` has not received.
    async fn undelivered(&self) -> Vec<LogoutDelivery> {
        let client = "app".parse().unwrap();
        let found = self.store().await.logout_deliveries(&client, 1000).await;
        found.unwrap()
    }

    /// Waits until nothing is left to deliver: then nothing more is sent.
    async fn all_delivered(&self) {
        let store = self.store().await;
        until("all ends to be delivered", async || {
            let receivers = store.logout_receivers().await.unwrap();
            receivers.is_empty().then_some(())
        })
        .await;
    }

    /// Waits until an attempt to deliver to `app` has failed.
    async fn attempt_failed(&self) -> LogoutDelivery {
        until("an attempt to fail", async || {
            let mut failed = self.undelivered().await.into_iter();
            failed.find(|delivery| delivery.attempts > 0)
        })
        .await
    }
}
