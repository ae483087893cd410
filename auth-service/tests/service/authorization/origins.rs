//! `ListBrowserOrigins`.

use auth_proto::v1::ListBrowserOriginsRequest;
use holdfast_identity::oauth::RelyingParty;
use tonic::Code;

use super::{Fixture, party};
use crate::support::{assert_refused, from_web_service};

fn at(redirect_uris: &[&str]) -> RelyingParty {
    let uris = redirect_uris.iter().map(|uri| uri.parse().unwrap());
    RelyingParty {
        redirect_uris: uris.collect(),
        ..party()
    }
}

#[tokio::test]
async fn origins_are_those_of_redirect_uris_each_once() {
    let Fixture { service, .. } = Fixture::start().await;
    let uris = [
        "https://app.example/other",
        "http://localhost:5173/callback",
        "com.example.app:/callback",
    ];
    service.add_party("other", at(&uris)).await;
    let request = from_web_service(ListBrowserOriginsRequest {});
    let listed = service.authorization().list_browser_origins(request).await;
    let origins = listed.unwrap().into_inner().origins;
    assert_eq!(origins, ["http://localhost:5173", "https://app.example"]);
}

#[tokio::test]
async fn caller_without_service_identity_is_refused() {
    let Fixture { service, .. } = Fixture::start().await;
    let request = ListBrowserOriginsRequest {};
    let listed = service.authorization().list_browser_origins(request).await;
    assert_refused(listed, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
}
