//! What the account's owner is shown of the events of the account.

use auth_proto::v1::{ResetUserFactorsRequest, SecurityEvent};

use super::{go_on, recovery_step};
use crate::support::{PASSWORD, TestService, bearer, change_password, minutes};

const DAY: u64 = 24 * 60;

impl TestService {
    async fn events(&self, token: &str) -> Vec<SecurityEvent> {
        self.overview(token).await.events
    }
}

fn kinds(events: &[SecurityEvent]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn overview_has_the_latest_security_events_of_thirty_days() {
    let (service, app) = TestService::with_totp("ada").await;
    service.add_user("bob", false).await;
    let token = service.token_with("ada", &app).await;
    for _ in 0..12 {
        service.recovery_codes(&token).await;
    }
    let events = service.events(&token).await;
    let created = "RECOVERY_CODES_CREATED";
    // Many of one kind hide no other.
    assert_eq!(kinds(&events), [created, created, "TOTP_ADDED"]);
    assert_eq!(
        events.iter().map(|event| event.own).collect::<Vec<_>>(),
        [true, true, false]
    );
    let bob = service.tokens("bob", "account").await.access_token;
    assert!(service.events(&bob).await.is_empty(), "of another account");
    service.clock.advance(minutes(30 * DAY + 1));
    let token = service.token_with("ada", &app).await;
    assert!(service.events(&token).await.is_empty(), "old events");
}

#[tokio::test]
async fn recovery_code_of_a_sign_in_is_an_event_of_its_login() {
    let (service, app) = TestService::with_totp("ada").await;
    let token = service.token_with("ada", &app).await;
    let codes = service.recovery_codes(&token).await;
    let next = service.after_password("ada").await;
    let login = service.finish(go_on(&next.attempt, recovery_step(&codes[0])));
    let ticket = login.await.unwrap().login_ticket;
    let by_code = service.try_exchange(&ticket, "account").await.unwrap();
    let own = async |token: &str| {
        let events = service.events(token).await;
        let kinds = kinds(&events).into_iter().map(str::to_owned);
        let own = events.iter().map(|event| event.own);
        kinds.zip(own).collect::<Vec<_>>()
    };
    let expected = |used, created| {
        [
            ("RECOVERY_CODE_USED".to_owned(), used),
            ("RECOVERY_CODES_CREATED".to_owned(), created),
            ("TOTP_ADDED".to_owned(), false),
        ]
    };
    assert_eq!(own(&by_code.access_token).await, expected(true, false));
    assert_eq!(own(&token).await, expected(false, true));
}

#[tokio::test]
async fn act_of_an_administrator_is_no_own_event() {
    let (service, _) = TestService::with_totp("ada").await;
    let admin = service.admin_token().await;
    let token = service.login_after_reset(&admin).await;
    let events = service.events(&token).await;
    assert_eq!(kinds(&events), ["FACTORS_RESET", "TOTP_ADDED"]);
    assert!(events[0].by_administrator && !events[0].own);
    let change = change_password(PASSWORD, "a new and longer password");
    let change = bearer(change, &token);
    service.account().change_password(change).await.unwrap();
}

impl TestService {
    /// Resets the factors of `ada`, and signs in by the password.
    async fn login_after_reset(&self, admin: &str) -> String {
        let users = auth_proto::v1::ListUsersRequest::default();
        let users = self.admin().list_users(bearer(users, admin)).await.unwrap();
        let mut users = users.into_inner().users.into_iter();
        let ada = users.find(|user| user.username == "ada").unwrap();
        let reset = ResetUserFactorsRequest { user_id: ada.id };
        let reset = bearer(reset, admin);
        self.admin().reset_user_factors(reset).await.unwrap();
        self.tokens("ada", "account").await.access_token
    }
}
