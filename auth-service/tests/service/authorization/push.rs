//! `PushAuthorization` (RFC 9126).

use auth_proto::v1::{
    ClientCredentials, ConsentDecision, PushAuthorizationRequest, authorization_step::Step,
    push_authorization_response::Result as Pushed,
};
use holdfast_identity::oauth::RelyingParty;
use tonic::{Code, Status};

use super::{Fixture, code_of, error_of, parameters, party};
use crate::support::{TestService, assert_refused, from_web_service, minutes};

impl TestService {
    async fn push(&self, client: &str, changes: &[(&str, &str)]) -> Result<Pushed, Status> {
        let request = PushAuthorizationRequest {
            parameters: parameters(changes),
            client_credentials: Some(ClientCredentials {
                client_id: client.to_owned(),
                proof: None,
            }),
            dpop: None,
        };
        let request = from_web_service(request);
        let pushed = self.authorization().push_authorization(request).await?;
        Ok(pushed.into_inner().result.unwrap())
    }

    async fn pushed(&self, changes: &[(&str, &str)]) -> String {
        match self.push("app", changes).await.unwrap() {
            Pushed::Pushed(pushed) => pushed.request_uri,
            Pushed::Error(error) => panic!("{error:?}"),
        }
    }

    /// Brings a pushed request.
    async fn bring(&self, client: &str, uri: &str, session: &str) -> Result<Step, Status> {
        let brought = [
            ("client_id", client),
            ("request_uri", uri),
            ("response_type", ""),
            ("redirect_uri", ""),
            ("scope", ""),
            ("code_challenge", ""),
        ];
        self.start_authorization(&brought, session).await
    }
}

fn must_push() -> RelyingParty {
    RelyingParty {
        is_first_party: true,
        must_push: true,
        ..party()
    }
}

#[tokio::test]
async fn pushed_request_is_brought_by_its_uri() {
    let fixture = Fixture::with_party(must_push()).await;
    let service = &fixture.service;
    let uri = service.pushed(&[]).await;
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"));
    let step = service.bring("app", &uri, &fixture.session).await.unwrap();
    assert!(service.exchange("app", &code_of(step)).await.is_ok());
    let direct = service
        .start_authorization(&[], &fixture.session)
        .await
        .unwrap();
    assert_eq!(error_of(direct), "invalid_request", "it has to be pushed");
}

#[tokio::test]
async fn pushed_request_is_that_of_its_client_and_expires() {
    let fixture = Fixture::with_party(must_push()).await;
    let service = &fixture.service;
    service.add_party("other", must_push()).await;
    let uri = service.pushed(&[]).await;
    let foreign = service.bring("other", &uri, &fixture.session).await;
    assert_refused(foreign, Code::InvalidArgument, "AUTHORIZATION_INVALID");
    // The flow of a browser is none.
    let step = service.bring("app", &uri, "").await.unwrap();
    let Step::SignIn(sign_in) = step else {
        panic!("{step:?}")
    };
    let own = format!("urn:ietf:params:oauth:request_uri:{}", sign_in.flow);
    let refused = service.bring("app", &own, &fixture.session).await;
    assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
    let flow = uri
        .strip_prefix("urn:ietf:params:oauth:request_uri:")
        .unwrap();
    let refused = service
        .continue_authorization(flow, &fixture.session, ConsentDecision::default())
        .await;
    assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
    service.clock.advance(minutes(10));
    let late = service.bring("app", &uri, &fixture.session).await;
    assert_refused(late, Code::InvalidArgument, "AUTHORIZATION_INVALID");
}

#[tokio::test]
async fn invalid_request_is_not_pushed() {
    let fixture = Fixture::start().await;
    for (changes, code) in [
        (
            [("redirect_uri", "https://evil.example/")],
            "invalid_request",
        ),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("scope", "admin")], "invalid_scope"),
        (
            [("request_uri", "urn:ietf:params:oauth:request_uri:a")],
            "request_uri_not_supported",
        ),
    ] {
        match fixture.service.push("app", &changes).await.unwrap() {
            Pushed::Error(error) => assert_eq!(error.code, code),
            Pushed::Pushed(pushed) => panic!("{changes:?}: {pushed:?}"),
        }
    }
    let unknown = fixture.service.push("unknown", &[]).await;
    assert_refused(unknown, Code::Unauthenticated, "INVALID_CLIENT");
    fixture.service.add_party("other", party()).await;
    let foreign = fixture.service.push("other", &[]).await;
    assert_refused(foreign, Code::Unauthenticated, "INVALID_CLIENT");
}
