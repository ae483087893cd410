//! Relying parties with pairwise subject identifiers (OpenID Connect Core 1.0 §8).

use auth_proto::v1::{
    AccessTokenClaims, IssueTokenRequest, IssueTokenResponse, RevokeTokenRequest,
    ValidateTokenRequest, authorization_step::Step, issue_token_request::Grant,
};
use holdfast_core::audience::USERINFO;
use holdfast_identity::oauth::RelyingParty;
use serde_json::Value;
use tonic::Code;

use super::{Fixture, claims_of, code_of, error_of, exchange_request, party};
use crate::support::{TestService, assert_refused, from_web_service};

/// A relying party of this sector, which belongs to the installation.
fn party_of(sector: &str) -> RelyingParty {
    RelyingParty {
        sector: Some(sector.parse().unwrap()),
        is_first_party: true,
        ..party()
    }
}

/// The relying parties `app` and `desk` of one sector, `shop` of another, and `public`, whose identifiers are not pairwise.
async fn start() -> Fixture {
    let fixture = Fixture::with_party(party_of("app.example")).await;
    let service = &fixture.service;
    service.add_party("desk", party_of("app.example")).await;
    service.add_party("shop", party_of("shop.example")).await;
    let public = RelyingParty {
        sector: None,
        ..party_of("app.example")
    };
    service.add_party("public", public).await;
    fixture
}

impl Fixture {
    async fn tokens_of(&self, client: &str) -> IssueTokenResponse {
        let code = self.consented(&[("client_id", client)]).await;
        let exchanged = self.service.issue(exchange_request(client, &code)).await;
        exchanged.unwrap()
    }

    /// The redirect that answers a request of `app` with this hint at once, or another step.
    async fn hinted(&self, hint: &str, session: &str) -> Step {
        let changes = [("prompt", "none"), ("id_token_hint", hint)];
        let started = self.service.start_authorization(&changes, session).await;
        started.unwrap()
    }
}

fn ids_of(jwt: &str) -> (Value, Value) {
    let claims = claims_of(jwt);
    (claims["sub"].clone(), claims["sid"].clone())
}

#[tokio::test]
async fn identifiers_are_those_of_the_sector_in_all_tokens() {
    let fixture = start().await;
    let app = fixture.tokens_of("app").await;
    let own = ids_of(&app.id_token);
    assert_eq!(ids_of(&app.access_token), own);
    assert_eq!(ids_of(&fixture.tokens_of("desk").await.id_token), own);

    let refresh = IssueTokenRequest {
        grant: Some(Grant::RefreshToken(app.refresh_token)),
        client_authentication: exchange_request("app", "").client_authentication,
        ..Default::default()
    };
    let refreshed = fixture.service.issue(refresh).await.unwrap();
    assert_eq!(ids_of(&refreshed.id_token), own);
    assert_eq!(ids_of(&refreshed.access_token), own);

    let shop = ids_of(&fixture.tokens_of("shop").await.id_token);
    let public = ids_of(&fixture.tokens_of("public").await.id_token);
    assert_eq!(public.1, fixture.sid);
    for other in [&shop, &public] {
        assert!(other.0 != own.0 && other.1 != own.1, "{other:?}");
    }
    assert_ne!(shop.0, public.0);
}

#[tokio::test]
async fn login_is_shown_to_web_service_only() {
    let fixture = start().await;
    let token = fixture.tokens_of("app").await.access_token;
    let (sub, sid) = ids_of(&token);
    let request = || ValidateTokenRequest {
        access_token: token.clone(),
        audience: USERINFO.to_owned(),
        ..Default::default()
    };
    let claims: AccessTokenClaims = fixture.service.userinfo(&token).await.unwrap();
    assert_eq!((claims.subject, claims.sid), text_of(&sub, &sid));
    let mut auth = fixture.service.auth();
    let validated = auth.validate_token(from_web_service(request())).await;
    let claims = validated.unwrap().into_inner().claims.unwrap();
    assert_eq!(claims.subject, sub);
    assert_eq!(claims.sid, fixture.sid);
}

fn text_of(sub: &Value, sid: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(sub), text(sid))
}

#[tokio::test]
async fn end_of_the_login_ends_the_token() {
    let fixture = start().await;
    let token = fixture.tokens_of("app").await.access_token;
    fixture.service.userinfo(&token).await.unwrap();
    let sign_out = RevokeTokenRequest {
        token: fixture.session.clone(),
        ..Default::default()
    };
    let mut auth = fixture.service.auth();
    auth.revoke_token(from_web_service(sign_out)).await.unwrap();
    let refused = fixture.service.userinfo(&token).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn hint_identifies_its_account_and_login() {
    let fixture = start().await;
    let service: &TestService = &fixture.service;
    let hint = fixture.tokens_of("app").await.id_token;
    code_of(fixture.hinted(&hint, &fixture.session).await);
    let (other, _) = service.browser_session().await;
    code_of(fixture.hinted(&hint, &other).await);

    for (session, is_own) in [(&*fixture.session, true), (&*other, false)] {
        let examined = service.examine_logout([&hint, "app", "", session]).await;
        assert_eq!(examined.unwrap().confirmed, is_own);
    }

    let foreign = fixture.tokens_of("shop").await.id_token;
    assert_eq!(
        error_of(fixture.hinted(&foreign, &other).await),
        "invalid_request"
    );
}
