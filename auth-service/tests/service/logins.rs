//! `ListLogins`, `EndLogin`, `EndOtherLogins`, `EndUserLogins`, and the limit of a hundred logins (ASVS 7.1.2, 7.4.5, 7.5.2).

use auth_proto::v1::{
    ClientKind, EndLoginRequest, EndOtherLoginsRequest, EndUserLoginsRequest, ListLoginsRequest,
    Login, LoginResponse,
};
use tonic::Code;

use crate::support::{TestService, assert_refused, bearer, minutes, with_ticket};

/// A service with the account `ada`, and an access token of it with the scope `account`.
async fn ada() -> (TestService, String) {
    let service = TestService::with_user("ada").await;
    let token = service.tokens("ada", "profile account").await.access_token;
    (service, token)
}

async fn list(service: &TestService, token: &str) -> Vec<Login> {
    let request = bearer(ListLoginsRequest {}, token);
    let listed = service.account().list_logins(request).await.unwrap();
    listed.into_inner().logins
}

async fn end(service: &TestService, token: &str, sid: &str) -> Result<(), tonic::Status> {
    let request = EndLoginRequest {
        sid: sid.to_owned(),
        client: None,
    };
    service.account().end_login(bearer(request, token)).await?;
    Ok(())
}

async fn exchange(service: &TestService, login: &LoginResponse) -> String {
    let issued = service.try_issue(with_ticket(&login.login_ticket, "profile account"));
    issued.await.unwrap().access_token
}

#[tokio::test]
async fn logins_of_account_are_listed() {
    let (service, token) = ada().await;
    service.clock.advance(minutes(5));
    let other = service.login("ada").await;
    service.add_user("bob", false).await;
    service.login("bob").await;

    let logins = list(&service, &token).await;

    assert_eq!(logins.len(), 2, "{logins:?}");
    let (newer, older) = (&logins[0], &logins[1]);
    assert_eq!(newer.sid, other.sid);
    assert!(older.current && !newer.current);
    assert_eq!(newer.client_kind(), ClientKind::Api);
    assert_eq!(newer.ip_address, "127.0.0.1");
    assert!(newer.user_agent.starts_with("tonic/"), "{newer:?}");
    assert_eq!(newer.amr, ["pwd"]);
    assert_eq!(newer.acr, "aal1");
    assert_eq!(newer.created_at, newer.auth_time);
    assert_eq!(newer.expires_at, other.login_expires_at);
}

#[tokio::test]
async fn refresh_updates_last_seen_each_minute() {
    let service = TestService::with_user("ada").await;
    let mut issued = service.tokens("ada", "profile account").await;
    let seen = async |token: &str| list(&service, token).await[0].last_seen_at.unwrap().seconds;
    let started = seen(&issued.access_token).await;
    for minute in 1..=3 {
        service.clock.advance(minutes(1));
        issued = service.try_refresh(&issued.refresh_token).await.unwrap();
        assert_eq!(seen(&issued.access_token).await, started + minute * 60);
    }
}

#[tokio::test]
async fn ended_login_ends_all_its_credentials() {
    let (service, token) = ada().await;
    let other = service.login("ada").await;
    let issued = service
        .try_exchange(&other.login_ticket, "profile")
        .await
        .unwrap();

    end(&service, &token, &other.sid).await.unwrap();

    let access = service.try_validate(&issued.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refresh = service.try_refresh(&issued.refresh_token).await;
    assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
    assert_eq!(list(&service, &token).await.len(), 1);
    assert!(service.try_validate(&token).await.is_ok());
}

#[tokio::test]
async fn login_of_other_account_is_reported_as_unknown() {
    let (service, token) = ada().await;
    service.add_user("bob", false).await;
    let bobs = service.login("bob").await;
    let ended = service.login("ada").await;
    end(&service, &token, &ended.sid).await.unwrap();
    let never = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    let mut answers = Vec::new();
    for sid in [bobs.sid.as_str(), &ended.sid, never, "nonsense", ""] {
        let answer = end(&service, &token, sid).await;
        let status = answer.clone().unwrap_err();
        assert_refused(answer, Code::NotFound, "LOGIN_NOT_FOUND");
        answers.push((status.message().to_owned(), status.details().to_vec()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer: {answers:?}");
    assert!(
        exchange(&service, &bobs).await.len() > 10,
        "the login is alive"
    );
}

#[tokio::test]
async fn end_others_keeps_current_login() {
    let (service, token) = ada().await;
    let others = [service.login("ada").await, service.login("ada").await];
    let mut tokens = Vec::new();
    for login in &others {
        tokens.push(exchange(&service, login).await);
    }
    let request = bearer(EndOtherLoginsRequest::default(), &token);
    let ended = service.account().end_other_logins(request).await.unwrap();
    assert_eq!(ended.into_inner().ended, 2);
    for other in tokens {
        let access = service.try_validate(&other).await;
        assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    }
    assert!(service.try_validate(&token).await.is_ok());
}

#[tokio::test]
async fn administrator_ends_all_logins_of_user() {
    let (service, token) = ada().await;
    let admin = service.admin_token().await;
    let user_id = service.try_validate(&token).await.unwrap().subject;
    let request = bearer(EndUserLoginsRequest { user_id }, &admin);
    let ended = service.admin().end_user_logins(request).await.unwrap();
    assert_eq!(ended.into_inner().ended, 1);
    let access = service.try_validate(&token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    assert!(
        service
            .try_login("ada", crate::support::PASSWORD)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn login_beyond_hundred_ends_oldest() {
    let (service, token) = ada().await;
    for _ in 0..99 {
        service
            .clock
            .advance(minutes(0) + std::time::Duration::from_millis(1));
        service.login("ada").await;
    }
    assert!(
        service.try_validate(&token).await.is_ok(),
        "a hundred logins are alive"
    );
    let newest = service.login("ada").await;
    let access = service.try_validate(&token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let newest = exchange(&service, &newest).await;
    assert_eq!(list(&service, &newest).await.len(), 100);
}
