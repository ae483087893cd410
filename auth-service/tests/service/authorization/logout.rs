//! `ExamineLogout` (OpenID Connect RP-Initiated Logout 1.0).

use auth_proto::v1::{ExamineLogoutRequest, ExamineLogoutResponse};
use holdfast_identity::oauth::RelyingParty;
use tonic::{Code, Status};

use super::{Fixture, party};
use crate::support::{TestService, assert_refused, from_web_service, minutes};

const BYE: &str = "https://app.example/bye";

impl TestService {
    /// With hint, client, address to return to, and session.
    pub(super) async fn examine_logout(
        &self,
        parts: [&str; 4],
    ) -> Result<ExamineLogoutResponse, Status> {
        let [hint, client, redirect, session] = parts.map(str::to_owned);
        let request = from_web_service(ExamineLogoutRequest {
            id_token_hint: hint,
            client_id: client,
            post_logout_redirect_uri: redirect,
            refresh_token: session,
        });
        let examined = self.authorization().examine_logout(request).await;
        examined.map(tonic::Response::into_inner)
    }
}

#[tokio::test]
async fn hint_of_the_own_login_confirms_the_sign_out() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let (hint, session) = (
        fixture.sign_in(&[]).await.id_token,
        fixture.session.as_str(),
    );
    service.clock.advance(minutes(60));
    for (parts, confirmed) in [
        ([&*hint, "", BYE, session], true),
        ([&*hint, "app", "", session], true),
        ([&*hint, "app", BYE, ""], false),
        (["", "app", BYE, session], false),
        (["no token", "app", BYE, session], false),
    ] {
        let examined = service.examine_logout(parts).await.unwrap();
        assert_eq!(examined.confirmed, confirmed, "{parts:?}");
        assert_eq!(examined.client_name, "Order desk");
    }
    let (other, _) = service.browser_session().await;
    let examined = service
        .examine_logout([&hint, "", BYE, &other])
        .await
        .unwrap();
    assert!(!examined.confirmed, "the ID token of another login");
    let nobody = service.examine_logout(["", "", "", session]).await.unwrap();
    assert_eq!((nobody.confirmed, &*nobody.client_name), (false, ""));
}

#[tokio::test]
async fn address_to_return_to_has_to_be_registered() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    service.add_party("other", party()).await;
    let hint = fixture.sign_in(&[]).await.id_token;
    for parts in [
        ["", "", BYE, ""],
        ["", "unknown", BYE, ""],
        ["", "app", "https://app.example/callback", ""],
        ["", "app", "https://app.example/bye?a=b", ""],
        ["", "app", "https://evil.example/", ""],
        [&hint, "other", BYE, ""],
        [&hint, "", "https://evil.example/", ""],
    ] {
        let refused = service.examine_logout(parts).await;
        assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
    }
}

#[tokio::test]
async fn origin_without_a_slash_is_an_address_to_return_to() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let origin = "https://other.example";
    let other = RelyingParty {
        post_logout_redirect_uris: vec![origin.parse().unwrap()],
        ..party()
    };
    service.add_party("other", other).await;
    let examined = service.examine_logout(["", "other", origin, ""]).await;
    assert_eq!(examined.unwrap().client_name, "Order desk");
    let refused = service.examine_logout(["", "other", "https://other.example/", ""]);
    assert_refused(
        refused.await,
        Code::InvalidArgument,
        "AUTHORIZATION_INVALID",
    );
}
