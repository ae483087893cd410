//! The audit trail: which operations are recorded, with what, and `AdminService/ListAuditEvents` (ASVS 16.2, 16.3).

use std::collections::BTreeSet;

use auth_proto::v1::{
    AuditEvent, Client, ClientProofKind, CreateClientRequest, DisableClientRequest,
    DisableUserRequest, EnableUserRequest, EndOtherLoginsRequest, EndUserLoginsRequest,
    IssueTokenRequest, ListAuditEventsRequest, ListAuditEventsResponse, LoginRequest,
};
use tonic::Code;

use crate::support::{
    PASSWORD, TestService, assert_refused, bearer, browser_login, change_password,
    from_web_service, until, with_metadata, with_refresh,
};

const NEW_PASSWORD: &str = "a new and longer password";

async fn list(
    service: &TestService,
    admin: &str,
    request: ListAuditEventsRequest,
) -> ListAuditEventsResponse {
    let listed = service
        .admin()
        .list_audit_events(bearer(request, admin))
        .await;
    listed.unwrap().into_inner()
}

/// The events of an account, oldest first, once there are at least `count`, without that of its creation on the command line.
async fn events_of(
    service: &TestService,
    admin: &str,
    user_id: &str,
    count: usize,
) -> Vec<AuditEvent> {
    let mut events = until("the events to be written", async || {
        let request = ListAuditEventsRequest {
            user_id: user_id.to_owned(),
            ..Default::default()
        };
        let mut events = list(service, admin, request).await.events;
        events.retain(|event| event.kind != "USER_CREATED" || !event.actor_id.is_empty());
        (events.len() >= count).then_some(events)
    })
    .await;
    events.reverse();
    events
}

#[tokio::test]
async fn account_events_are_recorded_with_source_and_no_secret() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let ada = service.add_user("ada", false).await.id.to_string();
    let login = service.login("ada").await;
    let first = service
        .try_exchange(&login.login_ticket, "profile account")
        .await
        .unwrap();
    assert!(service.try_login("ada", "a wrong password").await.is_err());
    // Without a change it is recorded in the background.
    events_of(&service, &admin, &ada, 2).await;
    let second = service.try_refresh(&first.refresh_token).await.unwrap();
    let request = bearer(
        change_password(PASSWORD, NEW_PASSWORD),
        &second.access_token,
    );
    service.account().change_password(request).await.unwrap();

    let events = events_of(&service, &admin, &ada, 4).await;

    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "SIGNED_IN",
            "SIGN_IN_REFUSED",
            "REFRESHED",
            "PASSWORD_CHANGED"
        ]
    );
    assert_eq!(events[0].sid, login.sid);
    assert_eq!(events[2].sid, login.sid);
    for event in &events {
        assert_eq!(event.ip_address, "127.0.0.1");
        assert!(event.user_agent.starts_with("tonic/"), "{event:?}");
        assert!(event.actor_id.is_empty() && event.request_id.is_empty());
    }
    let text = format!("{events:?}");
    for secret in [
        PASSWORD,
        NEW_PASSWORD,
        "wrong",
        &first.refresh_token,
        "hft_",
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn refresh_reuse_is_recorded() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let ada = service.add_user("ada", false).await.id.to_string();
    let stolen = service.tokens("ada", "").await.refresh_token;
    let successor = service.try_refresh(&stolen).await.unwrap().refresh_token;
    service.try_refresh(&successor).await.unwrap();
    assert!(service.try_refresh(&stolen).await.is_err());
    let events = events_of(&service, &admin, &ada, 4).await;
    assert_eq!(events[3].kind, "REFRESH_REUSED");
}

#[tokio::test]
async fn event_names_administrator_and_request_of_web_service() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let own = service.try_validate(&admin).await.unwrap();
    let bob = service.create_user(&admin, "bob", PASSWORD).await.unwrap();
    let events = events_of(&service, &admin, &bob.id, 1).await;
    assert_eq!(
        (events[0].kind.as_str(), events[0].actor_id.as_str()),
        ("USER_CREATED", own.subject.as_str())
    );

    let ada = service.add_user("ada", false).await.id.to_string();
    let mut request = from_web_service(browser_login());
    request
        .metadata_mut()
        .insert("x-request-id", "cafe".parse().unwrap());
    service.auth().login(request).await.unwrap();
    let without_identity = LoginRequest {
        username: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        client: None,
    };
    let request = with_metadata(without_identity, "x-request-id", "forged");
    service.auth().login(request).await.unwrap();
    let events = events_of(&service, &admin, &ada, 2).await;
    let ids: Vec<_> = events
        .iter()
        .map(|event| event.request_id.as_str())
        .collect();
    assert_eq!(ids, ["cafe", ""]);
}

#[tokio::test]
async fn trail_is_paged_for_administrators_only() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let ada = service.add_user("ada", false).await.id.to_string();
    for _ in 0..5 {
        service.login("ada").await;
    }
    events_of(&service, &admin, &ada, 5).await;

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListAuditEventsRequest {
            page_size: 2,
            page_token,
            user_id: ada.clone(),
            kind: "SIGNED_IN".to_owned(),
        };
        let page = list(&service, &admin, request).await;
        assert!(page.events.len() <= 2);
        seen.extend(page.events.into_iter().map(|event| event.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let distinct: BTreeSet<_> = seen.into_iter().collect();
    assert_eq!(distinct.len(), 5);

    let ordinary = service.tokens("ada", "profile account").await.access_token;
    let request = bearer(ListAuditEventsRequest::default(), &ordinary);
    let refused = service.admin().list_audit_events(request).await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
    let request = ListAuditEventsRequest {
        kind: "NONSENSE".to_owned(),
        ..Default::default()
    };
    let refused = service
        .admin()
        .list_audit_events(bearer(request, &admin))
        .await;
    assert_refused(refused, Code::InvalidArgument, "INVALID_REQUEST");
}

/// Creates an OAuth client, then disables it and the account twice, and enables the account twice.
async fn administer_repeatedly(service: &TestService, admin: &str, user_id: &str) {
    let mut calls = service.admin();
    let request = CreateClientRequest {
        client_id: "orders".to_owned(),
        proof_kind: ClientProofKind::Secret.into(),
        audiences: vec!["https://api.example".to_owned()],
        ..Default::default()
    };
    let created = calls.create_client(bearer(request, admin)).await;
    created.unwrap();
    for _ in 0..2 {
        let user_id = user_id.to_owned();
        let end = EndUserLoginsRequest {
            user_id: user_id.clone(),
        };
        calls.end_user_logins(bearer(end, admin)).await.unwrap();
        let disable = DisableUserRequest { user_id };
        calls.disable_user(bearer(disable, admin)).await.unwrap();
        let client_id = "orders".to_owned();
        let disable = DisableClientRequest { client_id };
        calls.disable_client(bearer(disable, admin)).await.unwrap();
    }
    for _ in 0..2 {
        let user_id = user_id.to_owned();
        let enable = EnableUserRequest { user_id };
        calls.enable_user(bearer(enable, admin)).await.unwrap();
    }
}

/// Each operation is done twice or more, and has an effect the first time only.
#[tokio::test]
async fn operation_without_effect_is_not_recorded() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let user_id = service.add_user("ada", false).await.id.to_string();
    let tokens = service.tokens("ada", "account").await;
    let mut account = service.account();
    for _ in 0..2 {
        let others = bearer(EndOtherLoginsRequest::default(), &tokens.access_token);
        account.end_other_logins(others).await.unwrap();
    }
    for _ in 0..3 {
        service.revoke(&tokens.access_token).await;
    }
    for _ in 0..3 {
        service.revoke(&tokens.refresh_token).await;
        service.revoke(&tokens.access_token).await;
    }
    administer_repeatedly(&service, &admin, &user_id).await;
    service.login("ada").await;

    let all = until("the last event", async || {
        let events = list(&service, &admin, ListAuditEventsRequest::default()).await;
        let kinds = events.events.into_iter().rev().map(|event| event.kind);
        let is_of_test = |kind: &String| kind != "USER_CREATED";
        let kinds: Vec<_> = kinds.filter(is_of_test).skip(1).collect();
        (kinds.iter().filter(|kind| *kind == "SIGNED_IN").count() == 2).then_some(kinds)
    })
    .await;
    assert_eq!(
        all,
        [
            "SIGNED_IN",
            "TOKEN_REVOKED",
            "LOGIN_ENDED",
            "CLIENT_CREATED",
            "USER_DISABLED",
            "CLIENT_DISABLED",
            "USER_ENABLED",
            "SIGNED_IN",
        ]
    );
}

#[tokio::test]
async fn refresh_repeat_from_other_source_is_recorded() {
    let service = TestService::start().await;
    let admin = service.admin_token().await;
    let ada = service.add_user("ada", false).await.id.to_string();
    let refresh = async |token: &str, address: &str, agent: &str| {
        let client = Client {
            ip_address: address.to_owned(),
            user_agent: agent.to_owned(),
            ..Default::default()
        };
        let request = IssueTokenRequest {
            client: Some(client),
            ..with_refresh(token)
        };
        let issued = service.try_issue(from_web_service(request)).await;
        issued.unwrap().refresh_token
    };
    let mut token = service.tokens("ada", "").await.refresh_token;
    let (home, app) = ("192.0.2.1", "app/1");
    for (address, agent) in [(home, app), ("192.0.2.2", app), (home, "curl/8"), ("", "")] {
        let successor = refresh(&token, home, app).await;
        assert_eq!(refresh(&token, address, agent).await, successor);
        token = successor;
    }
    let events = events_of(&service, &admin, &ada, 7).await;
    let of_kind = |kind: &str| -> Vec<_> {
        let events = events.iter().filter(|event| event.kind == kind);
        events.map(|event| event.ip_address.as_str()).collect()
    };
    assert_eq!(of_kind("REFRESHED"), [home; 4]);
    // Refusals and repeats are stored later than changes.
    assert_eq!(of_kind("REFRESH_REPEATED_ELSEWHERE"), ["192.0.2.2", home]);
}
