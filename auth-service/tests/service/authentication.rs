//! `AuthService/StartAuthentication` and `ContinueAuthentication`: an incomplete sign-in gives no access.

use auth_proto::FILE_DESCRIPTOR_SET;
use auth_proto::v1::{
    AuthenticationStep, ContinueAuthenticationRequest, LoginResponse, NextSteps, PasswordFactor,
    RevokeTokenRequest, StartAuthenticationRequest, StartReauthenticationRequest,
    authentication_step::Step, continue_authentication_response, next_step,
    start_authentication_response, start_reauthentication_response,
};
use holdfast_core::clock::Clock as _;
use holdfast_identity::audit::{AuditKind, AuditQuery};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, browser_login, from_web_service, minutes,
    rounds, seconds, until, with_metadata, with_refresh, with_ticket,
};

/// Identifiers of sign-in forms, 16 bytes in base64url.
const FORM: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const OTHER_FORM: &str = "AQAAAAAAAAAAAAAAAAAAAA";

fn password(text: &str) -> AuthenticationStep {
    AuthenticationStep {
        step: Some(Step::Password(text.to_owned())),
    }
}

fn start(username: &str) -> StartAuthenticationRequest {
    StartAuthenticationRequest {
        username: username.to_owned(),
        ..Default::default()
    }
}

fn step(attempt: &str, text: &str) -> ContinueAuthenticationRequest {
    ContinueAuthenticationRequest {
        attempt: attempt.to_owned(),
        step: Some(password(text)),
        ..Default::default()
    }
}

/// The request with the form of a browser, as web-service sends it.
fn with_form<T>(message: T, form: &'static str) -> Request<T> {
    let mut request = from_web_service(message);
    let value = form.parse().unwrap();
    request
        .metadata_mut()
        .insert("holdfast-sign-in-form", value);
    request
}

impl TestService {
    async fn begin(
        &self,
        request: impl tonic::IntoRequest<StartAuthenticationRequest>,
    ) -> NextSteps {
        let started = self.auth().start_authentication(request).await.unwrap();
        match started.into_inner().result.unwrap() {
            start_authentication_response::Result::Next(next) => next,
            start_authentication_response::Result::Done(login) => panic!("{login:?}"),
        }
    }

    async fn go_on(
        &self,
        request: impl tonic::IntoRequest<ContinueAuthenticationRequest>,
    ) -> Result<LoginResponse, Status> {
        let continued = self.auth().continue_authentication(request).await?;
        match continued.into_inner().result.unwrap() {
            continue_authentication_response::Result::Done(login) => Ok(login),
            continue_authentication_response::Result::Next(next) => panic!("{next:?}"),
        }
    }
}

#[tokio::test]
async fn attempt_leads_to_login_in_one_call_or_two() {
    let service = TestService::with_user("ada").await;
    let at_once = StartAuthenticationRequest {
        step: Some(password(PASSWORD)),
        ..start("ada")
    };
    let started = service.auth().start_authentication(at_once).await.unwrap();
    let Some(start_authentication_response::Result::Done(login)) = started.into_inner().result
    else {
        panic!("one factor is enough");
    };
    service.try_exchange(&login.login_ticket, "").await.unwrap();

    let next = service.begin(start(" ADA ")).await;
    let password = next_step::Factor::Password(PasswordFactor {});
    assert_eq!(next.steps.len(), 1);
    assert_eq!(next.steps[0].factor, Some(password));
    let login = service.go_on(step(&next.attempt, PASSWORD)).await.unwrap();
    assert_eq!(login.user.unwrap().username, "ada");
    assert_eq!(login.amr, ["pwd"]);
    assert_eq!(login.acr, "aal1");
    service.try_exchange(&login.login_ticket, "").await.unwrap();
}

#[tokio::test]
async fn unknown_disabled_and_wrong_get_one_answer_at_every_step() {
    let service = TestService::with_user("ada").await;
    let bob = service.add_user("bob", false).await;
    let admin = service.admin_token().await;
    let disable = auth_proto::v1::DisableUserRequest {
        user_id: bob.id.to_string(),
    };
    let disable = bearer(disable, &admin);
    service.admin().disable_user(disable).await.unwrap();
    let mut answers = Vec::new();
    for (name, text) in [("ada", "wrong"), ("eve", PASSWORD), ("bob", PASSWORD)] {
        let next = service.begin(start(name)).await;
        assert_eq!(
            next.attempt.len(),
            service.begin(start("ada")).await.attempt.len()
        );
        let refused = service.go_on(step(&next.attempt, text)).await.unwrap_err();
        answers.push((refused.code(), refused.details().to_vec()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn wrong_step_leaves_the_attempt_and_counts() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(start("ada")).await;
    for _ in 0..5 {
        let refused = service.go_on(step(&next.attempt, "wrong")).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
    let throttled = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(throttled, Code::ResourceExhausted, "THROTTLED");
    let throttled = service.try_login("ada", PASSWORD).await;
    assert_refused(throttled, Code::ResourceExhausted, "THROTTLED");
    service.clock.advance(minutes(1));
    service.go_on(step(&next.attempt, PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn completed_attempt_is_refused() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(start("ada")).await;
    service.go_on(step(&next.attempt, PASSWORD)).await.unwrap();
    let replayed = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(replayed, Code::Unauthenticated, "ATTEMPT_INVALID");
    let service = service.restart().await;
    let replayed = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(replayed, Code::Unauthenticated, "ATTEMPT_INVALID");
    service.login("ada").await;
}

#[tokio::test]
async fn attempt_completed_twice_at_once_starts_one_login() {
    let service = TestService::with_user("ada").await;
    for _round in 0..rounds(3) {
        let next = service.begin(start("ada")).await;
        let mut racers = JoinSet::new();
        for _ in 0..8 {
            let (mut auth, request) = (service.auth(), step(&next.attempt, PASSWORD));
            racers.spawn(async move { auth.continue_authentication(request).await.is_ok() });
        }
        let completed = racers.join_all().await;
        assert_eq!(completed.iter().filter(|done| **done).count(), 1);
        // Right passwords are rate limited, too.
        service.clock.advance(seconds(10));
    }
}

#[tokio::test]
async fn expired_attempt_is_refused() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(start("ada")).await;
    service.clock.advance(minutes(10));
    let late = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(late, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn completed_attempt_is_refused_after_the_row_of_its_login_is_deleted() {
    let service = TestService::start_with(|config| config.policy.login_ttl = minutes(5)).await;
    service.add_user("ada", false).await;
    let next = service.begin(start("ada")).await;
    service.go_on(step(&next.attempt, PASSWORD)).await.unwrap();
    service.clock.advance(minutes(7));
    let store = service.store().await;
    store.purge(service.clock.now()).await.unwrap();
    let again = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(again, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn attempt_of_another_browser_is_refused() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(with_form(start("ada"), FORM)).await;
    let of_program = service.begin(start("ada")).await.attempt;
    for request in [
        with_form(step(&next.attempt, PASSWORD), OTHER_FORM),
        from_web_service(step(&next.attempt, PASSWORD)),
        Request::new(step(&next.attempt, PASSWORD)),
        with_metadata(step(&next.attempt, PASSWORD), "holdfast-sign-in-form", FORM),
        with_form(step(&of_program, PASSWORD), FORM),
    ] {
        let refused = service.go_on(request).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
    let own = || {
        let mut step = step(&next.attempt, PASSWORD);
        step.client = browser_login().client;
        with_form(step, FORM)
    };
    let login = service.go_on(own()).await.unwrap();
    // The form may be sent twice, and the browser reads the second answer.
    assert_eq!(service.go_on(own()).await.unwrap().sid, login.sid);
    service.clock.advance(minutes(2));
    let replayed = service.go_on(own()).await;
    assert_refused(replayed, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn attempt_changed_in_any_byte_is_refused() {
    let service = TestService::with_user("ada").await;
    let attempt = service.begin(start("ada")).await.attempt;
    for index in 0..attempt.len() {
        let mut changed = attempt.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let refused = service.go_on(step(&changed, PASSWORD)).await;
        assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
    }
    service.go_on(step(&attempt, PASSWORD)).await.unwrap();
}

/// The RPCs that a caller authorizes with an access token, from the descriptors of the contract.
fn rpcs_with_a_token() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.iter().flat_map(|file| &file.service);
    let own =
        services.filter(|service| ["AccountService", "AdminService"].contains(&service.name()));
    let paths: Vec<_> = own
        .flat_map(|service| {
            let path = |method: &str| format!("/auth.v1.{}/{method}", service.name());
            service.method.iter().map(move |method| path(method.name()))
        })
        .collect();
    assert!(paths.len() > 20, "{paths:?}");
    paths
}

/// Calls an RPC with an empty message.
async fn call(service: &TestService, path: &str, token: &str) -> Result<(), Status> {
    let mut grpc = Grpc::new(service.channel.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::try_from(path.to_owned()).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    grpc.unary(bearer((), token), path, codec).await.map(drop)
}

#[tokio::test]
async fn attempt_is_no_other_credential() {
    let service = TestService::with_user("ada").await;
    let attempt = service.begin(start("ada")).await.attempt;
    let validated = service.try_validate(&attempt).await;
    assert_refused(validated, Code::Unauthenticated, "TOKEN_MALFORMED");
    for request in [with_ticket(&attempt, ""), with_refresh(&attempt)] {
        let issued = service.try_issue(request).await;
        assert_refused(issued, Code::Unauthenticated, "TOKEN_MALFORMED");
    }
    let token = service.tokens("ada", "account").await.access_token;
    let request = bearer(StartReauthenticationRequest::default(), &token);
    let again = service.account().start_reauthentication(request).await;
    let Some(start_reauthentication_response::Result::Next(again)) =
        again.unwrap().into_inner().result
    else {
        panic!("no authentication was sufficient");
    };
    for attempt in [&attempt, &again.attempt] {
        for path in rpcs_with_a_token() {
            let called = call(&service, &path, attempt).await;
            assert_refused(called, Code::Unauthenticated, "TOKEN_MALFORMED");
        }
    }
    for end_login in [false, true] {
        let request = RevokeTokenRequest {
            token: attempt.clone(),
            end_login,
            ..Default::default()
        };
        service.auth().revoke_token(request).await.unwrap();
    }
    let login = service.login("ada").await;
    let ticket = service.go_on(step(&login.login_ticket, PASSWORD)).await;
    assert_refused(ticket, Code::Unauthenticated, "ATTEMPT_INVALID");
    service.go_on(step(&attempt, PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn disabled_account_is_refused_between_two_steps() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(start("ada")).await;
    let sql = "UPDATE users SET disabled_at = 1".to_owned();
    service.execute_sql(sql).await;
    let refused = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn started_attempts_write_nothing() {
    let service = TestService::with_user("ada").await;
    let before = service.content().await;
    for number in 0..rounds(50) * 50 {
        service.begin(start(&format!("name{number}"))).await;
    }
    assert_eq!(service.content().await, before);
    let missing = ContinueAuthenticationRequest {
        attempt: service.begin(start("ada")).await.attempt,
        ..Default::default()
    };
    let refused = service.auth().continue_authentication(missing).await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
}

#[tokio::test]
async fn replay_of_completed_attempt_is_recorded() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(start("ada")).await;
    service.go_on(step(&next.attempt, PASSWORD)).await.unwrap();
    let replayed = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(replayed, Code::Unauthenticated, "ATTEMPT_INVALID");
    let store = service.store().await;
    until("the refusal to be written", async || {
        let query = AuditQuery {
            kind: Some(AuditKind::SignInRefused),
            limit: 2,
            ..AuditQuery::default()
        };
        let events = store.events(&query).await.unwrap();
        (events.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn attempt_from_before_the_clock_was_set_back_is_refused() {
    let service = TestService::with_user("ada").await;
    let next = service.begin(start("ada")).await;
    let back = time::Duration::hours(-1);
    service.clock.leap(back);
    let refused = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(refused, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn browser_starts_another_attempt_after_its_login_ended() {
    let service = TestService::with_user("ada").await;
    let own = |attempt: &str| {
        let mut step = step(attempt, PASSWORD);
        step.client = browser_login().client;
        with_form(step, FORM)
    };
    let first = service.begin(with_form(start("ada"), FORM)).await;
    let login = service.go_on(own(&first.attempt)).await.unwrap();
    service.revoke(&login.login_ticket).await;
    let second = service.begin(with_form(start("ada"), FORM)).await;
    let again = service.go_on(own(&second.attempt)).await.unwrap();
    assert_ne!(again.sid, login.sid);
    let ended = service.go_on(own(&first.attempt)).await;
    assert_refused(ended, Code::Unauthenticated, "ATTEMPT_INVALID");
}

#[tokio::test]
async fn overlong_username_is_no_other_username() {
    let service = TestService::with_user("ada").await;
    let name = format!("ada{}x", " ".repeat(300));
    let next = service.begin(start(&name)).await;
    let refused = service.go_on(step(&next.attempt, PASSWORD)).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
}
