//! The addresses that logout tokens are sent to.

use std::sync::Arc;

use holdfast_tls::PemFile;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::TlsAcceptor;

use super::{party_at, receiver::Receiver, start_with, to_private_addresses};
use crate::{
    authorization::Fixture,
    support::{Pki, TestService},
};

/// A service whose relying party has this address.
async fn start_at(
    uri: &str,
    adjust: impl FnOnce(&mut auth_service::config::ServeConfig),
) -> Fixture {
    let service = TestService::start_with(adjust).await;
    service.add_user("ada", false).await;
    service.add_party("app", party_at(uri)).await;
    let (session, sid) = service.browser_session().await;
    Fixture {
        service,
        session,
        sid,
    }
}

#[tokio::test]
async fn private_address_is_not_connected_to_by_default() {
    let (fixture, receiver) = start_with(|_| ()).await;
    fixture.sign_in(&[]).await;
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn name_of_a_private_address_is_not_connected_to_by_default() {
    let receiver = Receiver::start().await;
    let uri = format!("https://localhost:{}/logout", receiver.port());
    let fixture = start_at(&uri, |_| ()).await;
    fixture.sign_in(&[]).await;
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn certificate_of_the_relying_party_is_verified() {
    let pki = Pki::new();
    let receiver = Receiver::start_with(Some(acceptor(&pki))).await;
    let uri = format!("https://localhost:{}/logout", receiver.port());
    let fixture = start_at(&uri, to_private_addresses).await;
    fixture.sign_in(&[]).await;
    fixture.sign_out().await;
    fixture.service.attempt_failed().await;
    assert!(receiver.requests().is_empty());

    pki.write_authority(fixture.service.directory.path());
    let file = fixture.service.directory.path().join("clients.pem");
    let service = fixture.service.restart_with(|config| {
        to_private_addresses(config);
        config.outbound.authorities = Some(PemFile::new("AUTH_OUTBOUND_CA", file));
    });
    let service = service.await;
    service.clock.advance(crate::support::seconds(2));
    service.all_delivered().await;
    assert_eq!(receiver.ended(), [fixture.sid]);
}

fn acceptor(pki: &Pki) -> TlsAcceptor {
    let (certificate, key) = pki.issue("localhost");
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(config.unwrap()).into()
}
