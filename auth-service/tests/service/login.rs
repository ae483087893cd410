use tonic::Code;

use crate::support::{PASSWORD, TestService, assert_refused};

#[tokio::test]
async fn the_right_password_starts_a_login() {
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
async fn every_spelling_of_the_name_is_the_account() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    assert_eq!(service.login("ADA").await.user.unwrap().username, "ada");
}

#[tokio::test]
async fn parallel_logins_share_no_sid() {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    let (one, two) = tokio::join!(service.login("ada"), service.login("ada"));
    assert_ne!(one.sid, two.sid);
    assert_ne!(one.login_ticket, two.login_ticket);
}

#[tokio::test]
async fn who_is_signed_in_is_told_so_though_the_place_cannot_be_remembered() {
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
async fn unknown_wrong_and_disabled_are_one_answer() {
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
