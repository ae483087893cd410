//! `AuthService/Login`.

use holdfast_crypto::argon2id::Cost;
use tonic::Code;

use crate::support::{PASSWORD, Sql, TestService, assert_refused};

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
    assert_eq!(login.acr, "aal1");
    let (begins, ends) = (login.auth_time.unwrap(), login.login_expires_at.unwrap());
    assert_eq!(ends.seconds - begins.seconds, 90 * 24 * 3600);
}

#[tokio::test]
async fn username_in_any_spelling_is_one_account() {
    let service = TestService::with_user("ada").await;
    for name in ["ADA", " ada ", "ada\u{a0}", "\u{200b}Ada\u{feff}"] {
        let login = service.login(name).await;
        assert_eq!(login.user.unwrap().username, "ada", "{name:?}");
    }
}

#[tokio::test]
async fn concurrent_logins_have_distinct_sids() {
    let service = TestService::with_user("ada").await;
    let (one, two) = tokio::join!(service.login("ada"), service.login("ada"));
    assert_ne!(one.sid, two.sid);
    assert_ne!(one.login_ticket, two.login_ticket);
}

#[tokio::test]
async fn login_succeeds_when_location_cannot_be_stored() {
    let service = TestService::with_user("ada").await;
    let full = Sql {
        sqlite: "CREATE TRIGGER full BEFORE INSERT ON known_places BEGIN SELECT RAISE (ABORT, 'full'); END",
        postgres: "ALTER TABLE known_places ADD CONSTRAINT full_table CHECK (FALSE) NOT VALID",
    };
    service.execute(full).await;
    let login = service.login("ada").await;
    assert!(!login.login_ticket.is_empty());
    let free = Sql {
        sqlite: "DROP TRIGGER full",
        postgres: "ALTER TABLE known_places DROP CONSTRAINT full_table",
    };
    service.execute(free).await;
    assert_ne!(service.login("ada").await.sid, login.sid);
}

#[tokio::test]
async fn account_without_password_gets_the_answer_of_a_wrong_one() {
    let service = TestService::with_user("ada").await;
    let sql = "DELETE FROM credentials".to_owned();
    service.execute_sql(sql).await;
    for password in [PASSWORD, ""] {
        let refused = service.try_login("ada", password).await;
        assert_refused(refused, Code::Unauthenticated, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn unknown_wrong_and_disabled_get_one_answer() {
    let service = TestService::with_user("ada").await;
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

#[tokio::test]
async fn outdated_hash_is_replaced() {
    let service = TestService::with_user("ada").await;
    let hash = async |service: &TestService| {
        let store = service.store().await;
        let account = store.account_by_name(&"ada".parse().unwrap()).await;
        let hash = account.unwrap().unwrap().password_hash.unwrap();
        hash.as_phc().to_owned()
    };
    let before = hash(&service).await;
    let first = service.tokens("ada", "").await;
    assert_eq!(hash(&service).await, before, "the parameters are the same");

    let (directory, clock) = (service.directory.clone(), service.clock.clone());
    let service = TestService::start_in(directory, clock, |config| {
        config.hashing.cost = Cost {
            memory: 128,
            iterations: 2,
            parallelism: 1,
        };
    })
    .await;
    let wrong = service.try_login("ada", "a wrong password").await;
    assert_refused(wrong, Code::Unauthenticated, "INVALID_CREDENTIALS");
    assert_eq!(hash(&service).await, before);
    service.login("ada").await;
    let after = hash(&service).await;
    assert!(after.contains("m=128,t=2"), "{after}");
    service.login("ada").await;
    assert_eq!(hash(&service).await, after);
    assert!(
        service.try_refresh(&first.refresh_token).await.is_ok(),
        "no login ended"
    );
}
