use tonic::Code;

use crate::support::{PASSWORD, TestService, assert_refused};

#[tokio::test]
async fn right_password_starts_login() {
    let service = TestService::start().await;
    let user = service.add_user("ada", false).await;

    let login = service.login("ada").await;

    let shown = login.user.unwrap();
    assert_eq!(
        (shown.id, shown.username),
        (user.id.to_string(), "ada".to_owned())
    );
    assert_eq!(login.amr, ["pwd"]);
    let (begins, ends) = (login.auth_time.unwrap(), login.login_expires_at.unwrap());
    assert_eq!(ends.seconds - begins.seconds, 90 * 24 * 3600);
}

#[tokio::test]
async fn username_in_any_spelling_is_one_account() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    for name in ["ADA", " ada ", "ada\u{a0}", "\u{200b}Ada\u{feff}"] {
        let login = service.login(name).await;
        assert_eq!(login.user.unwrap().username, "ada", "{name:?}");
    }
}

#[tokio::test]
async fn concurrent_logins_have_distinct_sids() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    let (one, two) = tokio::join!(service.login("ada"), service.login("ada"));
    assert_ne!(one.sid, two.sid);
    assert_ne!(one.login_ticket, two.login_ticket);
}

#[tokio::test]
async fn login_succeeds_when_location_cannot_be_stored() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON known_places BEGIN SELECT RAISE (ABORT, 'full'); END";
    service.do_to_database(full.to_owned()).await;
    let login = service.login("ada").await;
    assert!(!login.login_ticket.is_empty());
    service.do_to_database("DROP TRIGGER full".to_owned()).await;
    assert_ne!(service.login("ada").await.sid, login.sid);
}

#[tokio::test]
async fn unknown_wrong_and_disabled_get_one_answer() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    let disabled = service.add_user("bob", false).await;
    let admin = service.admin_token().await;
    let request = auth_proto::v1::DisableUserRequest {
        user_id: disabled.id.to_string(),
    };
    service
        .admin()
        .disable_user(crate::support::bearer(request, &admin))
        .await
        .unwrap();

    let too_long = "x".repeat(257);
    let mut answers = Vec::new();
    for (name, password) in [
        ("nobody", PASSWORD),
        ("not a name at all", PASSWORD),
        ("", PASSWORD),
        ("ada", "wrong"),
        ("ada", ""),
        ("ada", too_long.as_str()),
        ("bob", PASSWORD),
        ("bob", "wrong"),
    ] {
        let status = service.try_login(name, password).await.unwrap_err();
        answers.push((
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        ));
    }

    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert_refused(
        service.try_login("nobody", "x").await,
        Code::Unauthenticated,
        "INVALID_CREDENTIALS",
    );
}

/// Somebody who presses the button of the sign-in form twice.
mod form {
    use auth_proto::v1::{LoginRequest, LoginResponse};
    use tonic::Request;

    use super::*;
    use crate::support::{browser_login, for_browser_use, from_web_service, seconds, with_ticket};

    fn sent(form: &str, request: LoginRequest) -> Request<LoginRequest> {
        let mut request = from_web_service(request);
        request
            .metadata_mut()
            .insert("holdfast-sign-in-form", form.parse().unwrap());
        request
    }

    const FORM: &str = "AAECAwQFBgcICQoLDA0ODw";

    async fn press(service: &TestService) -> LoginResponse {
        let answer = service.auth().login(sent(FORM, browser_login())).await;
        answer.unwrap().into_inner()
    }

    async fn exchange(service: &TestService, login: &LoginResponse) -> String {
        let request = for_browser_use(with_ticket(&login.login_ticket, ""));
        let issued = service.auth().issue_token(from_web_service(request)).await;
        issued.unwrap().into_inner().refresh_token
    }

    #[tokio::test]
    async fn form_sent_repeatedly_starts_one_login() {
        let service = TestService::start().await;
        service.add_user("ada", false).await;

        let (one, two) = tokio::join!(press(&service), press(&service));
        assert_eq!(one.sid, two.sid);
        let (first, second) = tokio::join!(exchange(&service, &one), exchange(&service, &two));
        assert_eq!(first, second);
        service.clock.advance(seconds(59));
        let late = press(&service).await;
        assert_eq!(late.sid, one.sid);
        assert_eq!(exchange(&service, &late).await, first);

        service.clock.advance(seconds(1));
        let another = press(&service).await;
        assert_ne!(another.sid, one.sid, "that is no second press");
        let expired = for_browser_use(with_ticket(&one.login_ticket, ""));
        let expired = service.auth().issue_token(from_web_service(expired)).await;
        assert_refused(expired, Code::Unauthenticated, "REFRESH_REUSED");
    }

    #[tokio::test]
    async fn form_of_other_account_or_page_starts_another_login() {
        let service = TestService::start().await;
        service.add_user("ada", false).await;
        service.add_user("bob", false).await;
        let adas = press(&service).await;
        let bob = LoginRequest {
            username: "bob".to_owned(),
            ..browser_login()
        };
        let bobs = service.auth().login(sent(FORM, bob)).await.unwrap();
        assert_ne!(bobs.into_inner().sid, adas.sid);
        let other = sent("AAECAwQFBgcICQoLDA0OEA", browser_login());
        let other = service.auth().login(other).await.unwrap().into_inner();
        assert_ne!(other.sid, adas.sid);
        for junk in ["", "AAEC", "no base64 at all"] {
            let login = service.auth().login(sent(junk, browser_login())).await;
            assert_ne!(login.unwrap().into_inner().sid, adas.sid);
        }
    }

    #[tokio::test]
    async fn form_sent_after_login_ended_starts_another_login() {
        let service = TestService::start().await;
        service.add_user("ada", false).await;
        let first = press(&service).await;
        let token = exchange(&service, &first).await;
        let _ = service.revoke(&token).await;
        let again = press(&service).await;
        assert_ne!(again.sid, first.sid);
        exchange(&service, &again).await;
    }

    /// Whoever is not web-service names no forms.
    #[tokio::test]
    async fn form_id_counts_from_web_service_only() {
        let service = TestService::start().await;
        service.add_user("ada", false).await;
        let stranger = async || {
            let mut request = Request::new(browser_login());
            let form = FORM.parse().unwrap();
            request.metadata_mut().insert("holdfast-sign-in-form", form);
            service
                .auth()
                .login(request)
                .await
                .unwrap()
                .into_inner()
                .sid
        };
        assert_ne!(stranger().await, stranger().await);
    }
}
