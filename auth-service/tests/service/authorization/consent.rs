//! Consent, and the applications of an account.

use auth_proto::v1::{
    Application, ConsentDecision, EndApplicationRequest, ListApplicationsRequest,
    authorization_step::Step,
};
use holdfast_identity::oauth::RelyingParty;
use tonic::{Code, Status};

use super::{Fixture, code_of, error_of, party};
use crate::support::{TestService, assert_refused, bearer, minutes};

impl TestService {
    async fn applications(&self, access: &str) -> Vec<Application> {
        let request = bearer(ListApplicationsRequest {}, access);
        let listed = self.account().list_applications(request).await;
        listed.unwrap().into_inner().applications
    }

    async fn end_application(&self, access: &str, client: &str) -> Result<(), Status> {
        let request = EndApplicationRequest {
            client_id: client.to_owned(),
            client: None,
        };
        let request = bearer(request, access);
        self.account().end_application(request).await.map(drop)
    }
}

#[tokio::test]
async fn consent_is_asked_once_for_each_scope() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let step = service
        .start_authorization(&[], &fixture.session)
        .await
        .unwrap();
    let Step::Consent(question) = step else {
        panic!("{step:?}")
    };
    assert_eq!(
        (&*question.client_id, &*question.client_name),
        ("app", "Order desk")
    );
    assert_eq!(
        (&*question.destination, &*question.username),
        ("app.example", "ada")
    );
    assert_eq!(question.scope, "profile openid offline_access");
    let undecided = fixture
        .decide(&question.flow, ConsentDecision::Unspecified)
        .await;
    assert!(matches!(undecided, Step::Consent(_)));
    let allowed = fixture.decide(&question.flow, ConsentDecision::Allow).await;
    service.exchange("app", &code_of(allowed)).await.unwrap();

    let again = service
        .start_authorization(&[("scope", "openid")], &fixture.session)
        .await;
    assert!(!code_of(again.unwrap()).is_empty());
    let more = [("scope", "openid orders:read")];
    let more = service
        .start_authorization(&more, &fixture.session)
        .await
        .unwrap();
    assert!(matches!(more, Step::Consent(_)));
    let prompted = service
        .start_authorization(&[("prompt", "consent")], &fixture.session)
        .await;
    assert!(matches!(prompted.unwrap(), Step::Consent(_)));
}

#[tokio::test]
async fn denied_consent_is_an_error_for_the_client() {
    let fixture = Fixture::start().await;
    let step = fixture
        .service
        .start_authorization(&[], &fixture.session)
        .await
        .unwrap();
    let Step::Consent(question) = step else {
        panic!("{step:?}")
    };
    let denied = fixture.decide(&question.flow, ConsentDecision::Deny).await;
    assert_eq!(error_of(denied), "access_denied");
}

#[tokio::test]
async fn consent_of_another_login_does_not_count() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let step = service
        .start_authorization(&[], &fixture.session)
        .await
        .unwrap();
    let Step::Consent(question) = step else {
        panic!("{step:?}")
    };
    let (other, _) = service.browser_session().await;
    let allow = ConsentDecision::Allow;
    let decided = service
        .continue_authorization(&question.flow, &other, allow)
        .await;
    assert!(
        matches!(decided.unwrap(), Step::Consent(_)),
        "it asks again"
    );
    // A flow that has asked nobody.
    let step = service.start_authorization(&[], "").await.unwrap();
    let Step::SignIn(sign_in) = step else {
        panic!("{step:?}")
    };
    let decided = service
        .continue_authorization(&sign_in.flow, &fixture.session, allow)
        .await;
    assert!(matches!(decided.unwrap(), Step::Consent(_)));
}

#[tokio::test]
async fn first_party_needs_no_consent_and_is_listed() {
    let fixture = Fixture::with_party(RelyingParty {
        is_first_party: true,
        ..party()
    })
    .await;
    fixture.sign_in(&[]).await;
    let owner = fixture.service.tokens("ada", "profile account").await;
    let applications = fixture.service.applications(&owner.access_token).await;
    let [application] = &*applications else {
        panic!("{applications:?}")
    };
    assert_eq!(
        (&*application.client_id, &*application.name),
        ("app", "Order desk")
    );
    assert_eq!(application.scope, "profile openid offline_access");
}

#[tokio::test]
async fn last_use_of_an_application_is_that_of_its_tokens() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let tokens = fixture.sign_in(&[]).await;
    let owner = service.tokens("ada", "profile account").await;
    let used = || async {
        let applications = service.applications(&owner.access_token).await;
        let application = applications.into_iter().next().unwrap();
        let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
        seconds(application.last_used_at) - seconds(application.granted_at)
    };
    assert_eq!(used().await, 0);
    service.clock.advance(minutes(1));
    service.try_refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(used().await, 60);
}

#[tokio::test]
async fn end_of_an_application_revokes_its_tokens_and_asks_again() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let tokens = fixture.sign_in(&[]).await;
    let owner = service.tokens("ada", "profile account").await.access_token;

    service.end_application(&owner, "app").await.unwrap();

    let access = service.userinfo(&tokens.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    let refreshed = service.try_refresh(&tokens.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    assert!(service.applications(&owner).await.is_empty());
    let step = service
        .start_authorization(&[], &fixture.session)
        .await
        .unwrap();
    assert!(matches!(step, Step::Consent(_)));
    for unknown in ["app", "unknown", "not a client"] {
        let refused = service.end_application(&owner, unknown).await;
        assert_refused(refused, Code::NotFound, "APPLICATION_NOT_FOUND");
    }
    // The application itself has no right to do this.
    let refused = service.end_application(&tokens.access_token, "app").await;
    assert!(refused.is_err());
    service.clock.advance(minutes(6));
    let refused = service.end_application(&owner, "app").await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
}
