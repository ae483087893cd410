//! `StartAuthorization` and `ContinueAuthorization`: which step follows.

use auth_proto::v1::{
    ConsentDecision, ResponseMode, StartAuthorizationRequest, authorization_step::Step,
};
use holdfast_identity::oauth::RelyingParty;
use tonic::Code;

use super::{Fixture, REDIRECT, claims_of, code_of, error_of, parameters, party, response};
use crate::support::{TestService, assert_refused, minutes};

const UNDECIDED: ConsentDecision = ConsentDecision::Unspecified;

fn first_party() -> RelyingParty {
    RelyingParty {
        is_first_party: true,
        ..party()
    }
}

#[tokio::test]
async fn browser_without_session_signs_in_and_continues() {
    let fixture = Fixture::with_party(first_party()).await;
    let service = &fixture.service;
    let started = service
        .start_authorization(&[("login_hint", "ada")], "")
        .await;
    let Step::SignIn(sign_in) = started.unwrap() else {
        panic!("no sign-in")
    };
    assert_eq!(sign_in.login_hint, "ada");
    let again = service
        .continue_authorization(&sign_in.flow, "", UNDECIDED)
        .await;
    assert!(matches!(again.unwrap(), Step::SignIn(_)));
    let done = service.continue_authorization(&sign_in.flow, &fixture.session, UNDECIDED);
    let mut response = response(done.await.unwrap());
    assert_eq!(response.remove("state").as_deref(), Some("a state"));
    assert_eq!(
        response.remove("iss").as_deref(),
        Some(crate::support::ISSUER)
    );
    assert!(response.remove("code").unwrap().starts_with("hfc_"));
    assert!(response.is_empty(), "{response:?}");
}

#[tokio::test]
async fn session_of_a_program_or_an_ended_login_counts_as_none() {
    let fixture = Fixture::with_party(first_party()).await;
    let service = &fixture.service;
    let program = service.tokens("ada", "profile account").await;
    let app = fixture.sign_in(&[]).await;
    fixture.service.revoke(&fixture.session).await;
    for session in [
        &program.refresh_token,
        &app.refresh_token,
        &fixture.session,
        "hfr_AAAA",
    ] {
        let step = service.start_authorization(&[], session).await.unwrap();
        assert!(matches!(step, Step::SignIn(_)), "{session}: {step:?}");
    }
}

#[tokio::test]
async fn prompt_none_answers_with_errors() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let silent = [("prompt", "none")];
    let without = service.start_authorization(&silent, "").await.unwrap();
    assert_eq!(error_of(without), "login_required");
    let start = |changes: Vec<(&'static str, &'static str)>| {
        let changes = [vec![("prompt", "none")], changes].concat();
        let session = fixture.session.clone();
        async move {
            service
                .start_authorization(&changes, &session)
                .await
                .unwrap()
        }
    };
    assert_eq!(error_of(start(vec![]).await), "consent_required");
    fixture.consented(&[]).await;
    assert_eq!(
        error_of(start(vec![]).await),
        "consent_required",
        "the code was not exchanged"
    );
    fixture.sign_in(&[]).await;
    assert!(!code_of(start(vec![]).await).is_empty());
    assert_eq!(
        error_of(start(vec![("acr_values", "aal2")]).await),
        "unmet_authentication_requirements"
    );
    assert_eq!(
        error_of(start(vec![("scope", "openid orders:read")]).await),
        "consent_required"
    );
    service.clock.advance(minutes(2));
    assert_eq!(
        error_of(start(vec![("max_age", "60")]).await),
        "login_required"
    );
    assert!(!code_of(start(vec![("max_age", "180")]).await).is_empty());
}

#[tokio::test]
async fn prompt_login_asks_once_for_an_authentication() {
    let fixture = Fixture::with_party(first_party()).await;
    let service = &fixture.service;
    for changes in [("prompt", "login"), ("max_age", "0")] {
        service.clock.advance(minutes(1));
        let step = service
            .start_authorization(&[changes], &fixture.session)
            .await;
        let Step::Reauthentication(asked) = step.unwrap() else {
            panic!("no reauthentication")
        };
        let again = service
            .continue_authorization(&asked.flow, &fixture.session, UNDECIDED)
            .await;
        assert!(matches!(again.unwrap(), Step::Reauthentication(_)));
        // A new sign-in in the same browser, and in general another authentication of the login.
        let (session, sid) = service.browser_session().await;
        let done = service
            .continue_authorization(&asked.flow, &session, UNDECIDED)
            .await;
        let tokens = service
            .exchange("app", &code_of(done.unwrap()))
            .await
            .unwrap();
        assert_eq!(claims_of(&tokens.id_token)["sid"], sid);
    }
}

#[tokio::test]
async fn acr_values_ask_for_a_stronger_authentication() {
    let fixture = Fixture::with_party(first_party()).await;
    let changes = [("acr_values", "phr aal2")];
    let step = fixture
        .service
        .start_authorization(&changes, &fixture.session)
        .await;
    let Step::Reauthentication(asked) = step.unwrap() else {
        panic!("no reauthentication")
    };
    assert_eq!(asked.required_acr, "aal2");
}

#[tokio::test]
async fn id_token_hint_of_another_account_asks_for_a_sign_in() {
    let fixture = Fixture::with_party(first_party()).await;
    let service = &fixture.service;
    let own = fixture.sign_in(&[]).await.id_token;
    let step = service
        .start_authorization(&[("id_token_hint", &own)], &fixture.session)
        .await;
    assert!(!code_of(step.unwrap()).is_empty());
    let store = service.store().await;
    let now = holdfast_core::clock::Clock::now(&service.clock);
    let sub = claims_of(&own)["sub"].as_str().unwrap().parse().unwrap();
    assert!(store.delete_user(sub, now, &[]).await.unwrap());
    service.add_user("ada", false).await;
    let (session, _) = service.browser_session().await;
    let step = service
        .start_authorization(&[("id_token_hint", &own)], &session)
        .await;
    assert!(matches!(step.unwrap(), Step::SignIn(_)));
    let access = fixture.session.as_str();
    let step = service
        .start_authorization(&[("id_token_hint", access)], &session)
        .await;
    assert_eq!(error_of(step.unwrap()), "invalid_request");
}

#[tokio::test]
async fn unknown_client_or_redirect_uri_gets_no_response() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    service.add_public_client("shop").await;
    let long = format!("{REDIRECT}/");
    for (name, value) in [
        ("client_id", ""),
        ("client_id", "unknown"),
        ("client_id", "shop"),
        ("client_id", "first-party"),
        ("redirect_uri", ""),
        ("redirect_uri", &long),
        ("redirect_uri", "https://evil.example/callback"),
    ] {
        let refused = service
            .start_authorization(&[(name, value)], &fixture.session)
            .await;
        assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
    }
    let store = service.store().await;
    let now = holdfast_core::clock::Clock::now(&service.clock);
    store
        .disable_client(&"app".parse().unwrap(), now, &[])
        .await
        .unwrap();
    let refused = service.start_authorization(&[], &fixture.session).await;
    assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
}

#[tokio::test]
async fn repeated_parameter_gets_no_response() {
    let fixture = Fixture::start().await;
    let request = StartAuthorizationRequest {
        parameters: [parameters(&[]), parameters(&[])].concat(),
        refresh_token: String::new(),
    };
    let request = crate::support::from_web_service(request);
    let refused = fixture
        .service
        .authorization()
        .start_authorization(request)
        .await;
    assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
}

#[tokio::test]
async fn invalid_request_is_answered_in_its_response_mode() {
    let fixture = Fixture::start().await;
    let changes = [
        ("response_mode", "form_post"),
        ("code_challenge_method", "plain"),
    ];
    let step = fixture
        .service
        .start_authorization(&changes, "")
        .await
        .unwrap();
    let Step::Redirect(redirect) = &step else {
        panic!("{step:?}")
    };
    assert_eq!(redirect.mode(), ResponseMode::FormPost);
    let response = response(step);
    assert_eq!(response["error"], "invalid_request");
    assert_eq!(response["state"], "a state");
    assert_eq!(response["iss"], crate::support::ISSUER);
}

#[tokio::test]
async fn flow_expires_and_only_web_service_continues_it() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let step = service.start_authorization(&[], "").await.unwrap();
    let Step::SignIn(sign_in) = step else {
        panic!("{step:?}")
    };
    let request = auth_proto::v1::ContinueAuthorizationRequest {
        flow: sign_in.flow.clone(),
        refresh_token: fixture.session.clone(),
        ..Default::default()
    };
    let direct = service
        .authorization()
        .continue_authorization(request)
        .await;
    assert_refused(direct, Code::PermissionDenied, "SERVICE_IDENTITY_REQUIRED");
    for flow in ["", "hfz_AAAA", &format!("{}A", sign_in.flow)] {
        let refused = service
            .continue_authorization(flow, &fixture.session, UNDECIDED)
            .await;
        assert_refused(refused, Code::InvalidArgument, "AUTHORIZATION_INVALID");
    }
    service.clock.advance(minutes(10));
    let late = service
        .continue_authorization(&sign_in.flow, &fixture.session, UNDECIDED)
        .await;
    assert_refused(late, Code::InvalidArgument, "AUTHORIZATION_INVALID");
}

#[tokio::test]
async fn code_is_bound_to_the_key_that_was_announced() {
    let service = TestService::with_user("ada").await;
    service.add_party("app", first_party()).await;
    let (session, _) = service.browser_session().await;
    let thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let step = service
        .start_authorization(&[("dpop_jkt", thumbprint)], &session)
        .await;
    let bearer = service.exchange("app", &code_of(step.unwrap())).await;
    assert_refused(bearer, Code::Unauthenticated, "DPOP_PROOF_REQUIRED");
}
