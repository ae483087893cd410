//! What ends a session of a relying party.

use auth_proto::v1::{
    DeleteUserRequest, DisableUserRequest, EndApplicationRequest, EndGrantRequest, EndLoginRequest,
    SetPasswordRequest,
};
use holdfast_identity::{id::UserId, key::Algorithm};

use super::start;
use crate::{
    authorization::Fixture,
    support::{PASSWORD, bearer, change_password, seconds},
};

/// Ends the session of `app` by `act`, and asserts that it receives one logout token, for the login of the fixture.
async fn assert_one_end(act: impl AsyncFnOnce(&Fixture)) {
    let (fixture, receiver) = start().await;
    act(&fixture).await;
    fixture.service.all_delivered().await;
    assert_eq!(receiver.ended(), [&*fixture.sid]);
    assert_eq!(receiver.connections(), 1);
}

/// An access token of the account's owner in another login.
async fn owner(fixture: &Fixture) -> String {
    let tokens = fixture.service.tokens("ada", "profile account").await;
    tokens.access_token
}

async fn user_id(fixture: &Fixture) -> String {
    let store = fixture.service.store().await;
    let found = store.login(fixture.sid.parse().unwrap()).await.unwrap();
    let id: UserId = found.unwrap().1.id;
    id.to_string()
}

#[tokio::test]
async fn sign_out_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        fixture.sign_out().await;
    })
    .await;
}

#[tokio::test]
async fn several_grants_are_one_session() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        fixture.sign_in(&[("scope", "openid")]).await;
        fixture.sign_out().await;
    })
    .await;
}

#[tokio::test]
async fn end_of_login_from_another_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let request = EndLoginRequest {
            sid: fixture.sid.clone(),
            client: None,
        };
        let request = bearer(request, &owner(fixture).await);
        fixture.service.account().end_login(request).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn password_change_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let request = change_password(PASSWORD, "quite another long password");
        let request = bearer(request, &owner(fixture).await);
        let changed = fixture.service.account().change_password(request).await;
        changed.unwrap();
    })
    .await;
}

#[tokio::test]
async fn password_set_by_administrator_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let admin = fixture.service.admin_token().await;
        let request = SetPasswordRequest {
            user_id: user_id(fixture).await,
            new_password: "set by the admin, long".into(),
        };
        let request = bearer(request, &admin);
        fixture.service.admin().set_password(request).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn disabled_account_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let admin = fixture.service.admin_token().await;
        let user_id = user_id(fixture).await;
        let request = bearer(DisableUserRequest { user_id }, &admin);
        fixture.service.admin().disable_user(request).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn deleted_account_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let admin = fixture.service.admin_token().await;
        let user_id = user_id(fixture).await;
        let request = bearer(DeleteUserRequest { user_id }, &admin);
        fixture.service.admin().delete_user(request).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn grant_ended_by_owner_is_sent() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let (sid, client) = (fixture.sid.parse().unwrap(), "app".parse().unwrap());
        let store = fixture.service.store().await;
        let grants = store.grants_of_client(sid, &client).await.unwrap();
        let request = EndGrantRequest {
            grant_id: grants[0].to_string(),
            client: None,
        };
        let request = bearer(request, &owner(fixture).await);
        fixture.service.account().end_grant(request).await.unwrap();
        // The end of the login says nothing new.
        fixture.sign_out().await;
    })
    .await;
}

#[tokio::test]
async fn grant_ended_by_its_relying_party_is_sent_where_it_is_the_last() {
    let (fixture, receiver) = start().await;
    let service = &fixture.service;
    let earlier = fixture.sign_in(&[]).await;
    let later = fixture.sign_in(&[]).await;
    service.revoke(&earlier.refresh_token).await;
    assert!(service.undelivered().await.is_empty());
    service.revoke(&later.refresh_token).await;
    service.all_delivered().await;
    assert_eq!(receiver.ended(), [&*fixture.sid]);
}

#[tokio::test]
async fn end_of_application_is_sent_for_every_login() {
    let (fixture, receiver) = start().await;
    fixture.sign_in(&[]).await;
    let (_, other) = fixture.other_browser().await;
    let request = EndApplicationRequest {
        client_id: "app".to_owned(),
        client: None,
    };
    let request = bearer(request, &owner(&fixture).await);
    let ended = fixture.service.account().end_application(request).await;
    ended.unwrap();
    fixture.service.all_delivered().await;
    let mut expected = [fixture.sid.clone(), other];
    expected.sort();
    assert_eq!(receiver.ended(), expected);
}

#[tokio::test]
async fn refresh_token_reuse_is_sent_to_its_relying_party() {
    let (fixture, receiver) = start().await;
    let service = &fixture.service;
    let other = fixture.add_receiver("other", Algorithm::EdDsa).await;
    let first = fixture.sign_in(&[]).await;
    for _ in 0..2 {
        service.clock.advance(seconds(60));
        let latest = service.try_refresh(&first.refresh_token).await;
        if let Ok(latest) = latest {
            service.clock.advance(seconds(60));
            service.try_refresh(&latest.refresh_token).await.unwrap();
        }
    }
    service.all_delivered().await;
    assert_eq!(receiver.ended(), [&*fixture.sid]);
    assert!(other.ended().is_empty(), "its session lives");
}

#[tokio::test]
async fn code_reuse_is_sent_whatever_other_grants_live() {
    assert_one_end(async |fixture| {
        fixture.sign_in(&[]).await;
        let code = fixture.consented(&[]).await;
        fixture.service.exchange("app", &code).await.unwrap();
        let again = fixture.service.exchange("app", &code).await;
        assert!(again.is_err());
    })
    .await;
}

#[tokio::test]
async fn relying_party_without_a_session_receives_nothing() {
    let (fixture, receiver) = start().await;
    let service = &fixture.service;
    let other = fixture.add_receiver("other", Algorithm::EdDsa).await;
    // No ID token: the relying party does not know the login.
    fixture.sign_in(&[("scope", "profile")]).await;
    let (session, _) = fixture.other_browser().await;
    // A grant of a login that ended before does not begin.
    fixture.sign_out().await;
    service.all_delivered().await;
    assert_eq!(receiver.connections(), 0);
    assert_eq!(other.ended(), [&*fixture.sid]);
    service.revoke(&session).await;
    service.all_delivered().await;
    assert_eq!((receiver.connections(), other.connections()), (1, 1));
}
