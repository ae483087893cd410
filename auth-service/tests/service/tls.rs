//! TLS and mutual TLS on the gRPC port, and the replacement of certificates while it serves.

use std::sync::Arc;

use auth_proto::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use auth_service::config::TlsConfig;
use tokio::{net::TcpStream, time::timeout};
use tonic::{
    Code,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use crate::support::{
    ManualClock, Pki, TestService, assert_refused, browser_login, for_browser_use, port_files,
    seconds, until, with_ticket,
};

async fn service(server: &Pki, clients: Option<&Pki>) -> TestService {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    server.write_identity(directory.path());
    if let Some(clients) = clients {
        clients.write_authority(directory.path());
    }
    let tls = TlsConfig {
        files: port_files(directory.path()),
        web_service_name: "web-service".to_owned(),
    };
    TestService::start_in(directory, ManualClock::default(), |config| {
        config.service_secret = None;
        config.tls = Some(tls);
    })
    .await
}

fn connect(service: &TestService, tls: ClientTlsConfig) -> AuthServiceClient<Channel> {
    let endpoint =
        Endpoint::from_shared(format!("https://localhost:{}", service.address.port())).unwrap();
    AuthServiceClient::new(endpoint.tls_config(tls).unwrap().connect_lazy())
}

#[tokio::test]
async fn client_that_trusts_authority_is_served() {
    let pki = Pki::new();
    let service = service(&pki, None).await;
    let trusting = ClientTlsConfig::new().ca_certificate(pki.certificate());
    let mut client = connect(&service, trusting);
    assert!(client.get_jwks(GetJwksRequest {}).await.is_ok());

    let distrusting = ClientTlsConfig::new().ca_certificate(Pki::new().certificate());
    let mut client = connect(&service, distrusting);
    assert_eq!(
        client.get_jwks(GetJwksRequest {}).await.unwrap_err().code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn mutual_tls_refuses_unknown_clients() {
    let (server, clients) = (Pki::new(), Pki::new());
    let service = service(&server, Some(&clients)).await;
    let base = ClientTlsConfig::new().ca_certificate(server.certificate());
    let mut anonymous = connect(&service, base.clone());
    assert!(anonymous.get_jwks(GetJwksRequest {}).await.is_err());
    let mut untrusted = connect(
        &service,
        base.clone().identity(Pki::new().identity("web-service")),
    );
    assert!(untrusted.get_jwks(GetJwksRequest {}).await.is_err());
    let mut known = connect(&service, base.identity(clients.identity("billing")));
    assert!(known.get_jwks(GetJwksRequest {}).await.is_ok());
}

#[tokio::test]
async fn certificate_name_is_service_identity() {
    let (server, clients) = (Pki::new(), Pki::new());
    let service = service(&server, Some(&clients)).await;
    service.add_user("ada", false).await;
    let base = ClientTlsConfig::new().ca_certificate(server.certificate());
    let mut web = connect(
        &service,
        base.clone().identity(clients.identity("web-service")),
    );
    let mut other = connect(&service, base.identity(clients.identity("billing")));

    let ticket = web
        .login(browser_login())
        .await
        .unwrap()
        .into_inner()
        .login_ticket;

    let refused = other
        .issue_token(for_browser_use(with_ticket(&ticket, "")))
        .await;
    assert_refused(refused, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
    assert!(
        web.issue_token(for_browser_use(with_ticket(&ticket, "")))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn changed_certificate_is_presented_to_new_connections() {
    let (old, new) = (Pki::new(), Pki::new());
    let service = service(&old, None).await;
    let mut connected = connect(&service, trusting(&old));
    connected.get_jwks(GetJwksRequest {}).await.unwrap();

    new.write_identity(service.directory.path());

    until("the new certificate", async || {
        let mut client = connect(&service, trusting(&new));
        client.get_jwks(GetJwksRequest {}).await.ok()
    })
    .await;
    let mut late = connect(&service, trusting(&old));
    assert!(late.get_jwks(GetJwksRequest {}).await.is_err());
    assert!(connected.get_jwks(GetJwksRequest {}).await.is_ok());
}

#[tokio::test]
async fn changed_client_authority_ends_connections_of_others() {
    let (server, old, new) = (Pki::new(), Pki::new(), Pki::new());
    let service = service(&server, Some(&old)).await;
    let base = trusting(&server);
    let connect_as = |pki: &Pki| {
        let tls = base.clone().identity(pki.identity("web-service"));
        connect(&service, tls)
    };
    let mut connected = connect_as(&old);
    connected.get_jwks(GetJwksRequest {}).await.unwrap();
    assert!(connect_as(&new).get_jwks(GetJwksRequest {}).await.is_err());

    new.write_authority(service.directory.path());

    until("the new authority", async || {
        connect_as(&new).get_jwks(GetJwksRequest {}).await.ok()
    })
    .await;
    assert!(connected.get_jwks(GetJwksRequest {}).await.is_err());
    assert!(connect_as(&old).get_jwks(GetJwksRequest {}).await.is_err());
}

#[tokio::test]
async fn unfinished_handshakes_delay_no_client() {
    let pki = Pki::new();
    let service = service(&pki, None).await;
    let mut silent = Vec::new();
    for _ in 0..32 {
        silent.push(TcpStream::connect(service.address).await.unwrap());
    }
    let mut client = connect(&service, trusting(&pki));
    let answer = timeout(seconds(2), client.get_jwks(GetJwksRequest {})).await;
    assert!(answer.unwrap().is_ok());
}

fn trusting(pki: &Pki) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(pki.certificate())
}
