use auth_proto::v1::{GetJwksRequest, auth_service_client::AuthServiceClient};
use auth_service::config::{ClientCertificates, TlsConfig};
use tonic::{
    Code,
    transport::{Channel, ClientTlsConfig, Endpoint},
};

use crate::support::{
    Pki, TestService, assert_refused, browser_login, for_browser_use, with_ticket,
};

async fn service(server: &Pki, clients: Option<&Pki>) -> TestService {
    let (certificate, key) = server.issue("localhost");
    let clients = clients.map(|pki| ClientCertificates {
        authority: pki.pem().into(),
        web_service_name: "web-service".into(),
    });
    TestService::start_with(|config| {
        config.service_secret = None;
        config.tls = Some(TlsConfig {
            certificate: certificate.into(),
            key: key.into(),
            clients,
        });
    })
    .await
}

fn connect(service: &TestService, tls: ClientTlsConfig) -> AuthServiceClient<Channel> {
    let endpoint =
        Endpoint::from_shared(format!("https://localhost:{}", service.address.port())).unwrap();
    AuthServiceClient::new(endpoint.tls_config(tls).unwrap().connect_lazy())
}

#[tokio::test]
async fn tls_serves_who_trusts_the_certificate() {
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
async fn mutual_tls_keeps_strangers_out() {
    let (server, clients) = (Pki::new(), Pki::new());
    let service = service(&server, Some(&clients)).await;
    let base = ClientTlsConfig::new().ca_certificate(server.certificate());
    let mut nobody = connect(&service, base.clone());
    assert!(nobody.get_jwks(GetJwksRequest {}).await.is_err());
    let mut stranger = connect(
        &service,
        base.clone().identity(Pki::new().identity("web-service")),
    );
    assert!(stranger.get_jwks(GetJwksRequest {}).await.is_err());
    let mut known = connect(&service, base.identity(clients.identity("somebody")));
    assert!(known.get_jwks(GetJwksRequest {}).await.is_ok());
}

#[tokio::test]
async fn the_name_in_the_certificate_is_web_services_identity() {
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
