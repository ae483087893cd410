//! Grants: several OAuth clients in one login, each with refresh tokens of its own; `AccountService/EndGrant`.

mod client;

use auth_proto::v1::{
    EndGrantRequest, IssueTokenResponse, ListAuditEventsRequest, ListLoginsRequest, Login,
    RevokeTokenRequest, WatchRevocationsRequest, revocation::Revoked,
};
use holdfast_core::clock::Clock as _;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    GrantOf, TestService, assert_refused, bearer, from_web_service, minutes, reason, rounds,
    seconds, until, with_refresh,
};

const SHOP: GrantOf<'_> = GrantOf {
    client: "shop",
    scope: "profile",
    audience: None,
};

/// A login of `ada` with a grant of the public OAuth client `shop`.
struct Fixture {
    service: TestService,
    first: IssueTokenResponse,
    sid: String,
    grant: String,
    token: String,
}

impl Fixture {
    async fn start() -> Self {
        let service = TestService::with_user("ada").await;
        service.add_public_client("shop").await;
        let first = service.tokens("ada", "profile account").await;
        let claims = service.try_validate(&first.access_token).await.unwrap();
        let (grant, token) = service.add_grant(&claims.sid, SHOP).await;
        Self {
            service,
            first,
            sid: claims.sid,
            grant,
            token,
        }
    }

    async fn try_end(&self, id: &str) -> Result<(), Status> {
        let request = EndGrantRequest {
            grant_id: id.to_owned(),
            client: None,
        };
        let request = bearer(request, &self.first.access_token);
        self.service.account().end_grant(request).await.map(drop)
    }

    async fn logins(&self) -> Vec<Login> {
        let request = bearer(ListLoginsRequest {}, &self.first.access_token);
        let logins = self.service.account().list_logins(request).await;
        logins.unwrap().into_inner().logins
    }

    /// Panics unless the grant that the login began with works.
    async fn assert_first_grant_lives(&self) {
        let access = &self.first.access_token;
        assert!(self.service.try_validate(access).await.is_ok());
        let refreshed = self.service.try_refresh(&self.first.refresh_token).await;
        assert!(refreshed.is_ok(), "{refreshed:?}");
    }
}

#[tokio::test]
async fn grants_of_a_login_rotate_independently() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;

    let second = service.try_refresh(&fixture.token).await.unwrap();
    let third = service.try_refresh(&second.refresh_token).await.unwrap();

    let claims = service.try_validate(&third.access_token).await.unwrap();
    assert_eq!((&*claims.client_id, &*claims.sid), ("shop", &*fixture.sid));
    assert_eq!(claims.grant_id, fixture.grant);
    assert_eq!(third.scope, "profile");
    fixture.assert_first_grant_lives().await;
    let claims = service.try_validate(&fixture.first.access_token).await;
    assert_eq!(claims.unwrap().grant_id, "", "that of the login");
}

#[tokio::test]
async fn logins_are_listed_with_their_grants() {
    let fixture = Fixture::start().await;
    let logins = fixture.logins().await;
    let [login] = &*logins else {
        panic!("{logins:?}")
    };
    let grants: Vec<_> = login
        .grants
        .iter()
        .map(|grant| (&*grant.id, &*grant.client_id, &*grant.scope))
        .collect();
    let first = (&*fixture.sid, "first-party", "profile account");
    let second = (&*fixture.grant, "shop", "profile");
    assert!(grants == [first, second] || grants == [second, first]);
}

#[tokio::test]
async fn grant_that_ends_alone_revokes_its_tokens_only() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let shop = service.try_refresh(&fixture.token).await.unwrap();

    fixture.try_end(&fixture.grant).await.unwrap();

    let access = service.try_validate(&shop.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    let refreshed = service.try_refresh(&shop.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    fixture.assert_first_grant_lives().await;
    assert_eq!(fixture.logins().await[0].grants.len(), 1);
    let again = fixture.try_end(&fixture.grant).await;
    assert_refused(again, Code::NotFound, "GRANT_NOT_FOUND");

    let request = from_web_service(WatchRevocationsRequest::default());
    let stream = service.auth().watch_revocations(request).await;
    let snapshot = stream.unwrap().into_inner().message().await.unwrap();
    let revoked: Vec<_> = snapshot.unwrap().revocations;
    assert!(
        revoked
            .iter()
            .any(|one| one.revoked == Some(Revoked::GrantId(fixture.grant.clone()))),
        "{revoked:?}"
    );
}

#[tokio::test]
async fn end_of_grant_survives_restart() {
    let fixture = Fixture::start().await;
    let shop = fixture.service.try_refresh(&fixture.token).await.unwrap();
    fixture.try_end(&fixture.grant).await.unwrap();

    let service = fixture.service.restart().await;

    let access = service.try_validate(&shop.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    let refreshed = service.try_refresh(&shop.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn end_of_first_grant_is_end_of_login() {
    let fixture = Fixture::start().await;
    let shop = fixture.service.try_refresh(&fixture.token).await.unwrap();

    fixture.try_end(&fixture.sid).await.unwrap();

    let first = &fixture.first;
    for access in [&first.access_token, &shop.access_token] {
        let refused = fixture.service.try_validate(access).await;
        assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
    }
    for refresh in [&first.refresh_token, &shop.refresh_token] {
        let refused = fixture.service.try_refresh(refresh).await;
        assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
    }
}

#[tokio::test]
async fn grant_of_another_account_or_without_recent_authentication_is_not_ended() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    service.add_user("eve", false).await;
    let eve = service.tokens("eve", "account").await.access_token;
    let ended = async |grant: &str, token: &str| {
        let request = EndGrantRequest {
            grant_id: grant.to_owned(),
            client: None,
        };
        service.account().end_grant(bearer(request, token)).await
    };
    let foreign = ended(&fixture.grant, &eve).await;
    assert_refused(foreign, Code::NotFound, "GRANT_NOT_FOUND");
    let malformed = ended("shop", &eve).await;
    assert_refused(malformed, Code::NotFound, "GRANT_NOT_FOUND");

    service.clock.advance(minutes(6));
    let late = fixture.try_end(&fixture.grant).await;
    assert_refused(late, Code::PermissionDenied, "STEP_UP_REQUIRED");
    assert!(service.try_refresh(&fixture.token).await.is_ok());
}

#[tokio::test]
async fn revoked_refresh_token_ends_its_grant_and_is_recorded() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let shop = service.try_refresh(&fixture.token).await.unwrap();

    service.revoke(&fixture.token).await;

    let access = service.try_validate(&shop.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    fixture.assert_first_grant_lives().await;
    let admin = service.admin_token().await;
    let request = ListAuditEventsRequest {
        kind: "GRANT_ENDED".to_owned(),
        ..Default::default()
    };
    let request = bearer(request, &admin);
    let events = service.admin().list_audit_events(request).await;
    let events = events.unwrap().into_inner().events;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&*events[0].client_id, &*events[0].sid),
        ("shop", &*fixture.sid)
    );
}

#[tokio::test]
async fn reuse_in_another_grant_ends_that_grant_only() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let current = service.try_refresh(&fixture.token).await.unwrap();
    service.clock.advance(seconds(10));

    let reused = service.try_refresh(&fixture.token).await;

    assert_refused(reused, Code::Unauthenticated, "REFRESH_REUSED");
    let refreshed = service.try_refresh(&current.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    let access = service.try_validate(&current.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    fixture.assert_first_grant_lives().await;
}

#[tokio::test]
async fn end_of_login_ends_every_grant() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let shop = service.try_refresh(&fixture.token).await.unwrap();

    service.revoke(&fixture.first.refresh_token).await;

    let access = service.try_validate(&shop.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refreshed = service.try_refresh(&shop.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
}

/// The entry of a grant in the revocation log is deleted when its tokens have expired.
#[tokio::test]
async fn token_of_a_grant_ends_that_grant_and_not_the_login() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let shop = service.try_refresh(&fixture.token).await.unwrap();
    let sign_out = async |token: &str| {
        let request = RevokeTokenRequest {
            token: token.to_owned(),
            end_login: true,
            ..Default::default()
        };
        let request = from_web_service(request);
        service.auth().revoke_token(request).await.unwrap();
    };

    sign_out(&shop.access_token).await;

    let refreshed = service.try_refresh(&shop.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    service.clock.advance(minutes(20));
    let store = service.store().await;
    store.purge(service.clock.now()).await.unwrap();
    sign_out(&shop.access_token).await;
    let refreshed = service.try_refresh(&fixture.first.refresh_token).await;
    assert!(refreshed.is_ok(), "{refreshed:?}");
}

#[tokio::test]
async fn grants_that_refresh_at_once_have_one_successor_each() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let mut tokens = [fixture.first.refresh_token.clone(), fixture.token.clone()];
    for _round in 0..rounds(5) {
        let mut racers = JoinSet::new();
        for (index, token) in tokens.iter().enumerate() {
            for _ in 0..4 {
                let (mut auth, request) = (service.auth(), with_refresh(token));
                racers.spawn(async move { (index, auth.issue_token(request).await) });
            }
        }
        let mut successors = [Vec::new(), Vec::new()];
        for (index, issued) in racers.join_all().await {
            match issued {
                Ok(issued) => successors[index].push(issued.into_inner().refresh_token),
                // The third of those that began after the rotation.
                Err(refused) => assert_eq!(reason(&refused), "THROTTLED"),
            }
        }
        for (token, mut successors) in tokens.iter_mut().zip(successors) {
            successors.dedup();
            assert_eq!(successors.len(), 1, "{successors:?}");
            *token = successors.remove(0);
        }
        // Repeats and refreshes are rate limited.
        service.clock.advance(minutes(1));
    }
}

#[tokio::test]
async fn end_of_one_grant_races_with_refresh_of_another() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let mut token = fixture.first.refresh_token.clone();
    service.revoke(&fixture.token).await;
    for _round in 0..rounds(10) {
        let (_, shop) = service.add_grant(&fixture.sid, SHOP).await;
        let issued = service.try_refresh(&shop).await.unwrap();

        let (refreshed, raced, ()) = tokio::join!(
            service.try_refresh(&token),
            service.try_refresh(&issued.refresh_token),
            async {
                service.revoke(&issued.refresh_token).await;
            },
        );

        token = refreshed.unwrap().refresh_token;
        let late = raced.map_or(issued.access_token, |raced| raced.access_token);
        until("the end of the grant", async || {
            service.try_validate(&late).await.is_err().then_some(())
        })
        .await;
        service.clock.advance(seconds(2));
    }
    assert!(service.try_refresh(&token).await.is_ok());
}
