//! `AuthService/RevokeToken` (RFC 7009).

use auth_proto::v1::RevokeTokenRequest;
use tonic::Code;

use crate::support::{TestService, assert_refused, minutes, rounds, seconds};

#[tokio::test]
async fn access_token_ends_alone_and_permanently() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    let sibling = service.try_refresh(&issued.refresh_token).await.unwrap();

    service.revoke(&issued.access_token).await;

    let revoked = service.try_validate(&issued.access_token).await;
    assert_refused(revoked, Code::Unauthenticated, "TOKEN_REVOKED");
    assert!(service.try_validate(&sibling.access_token).await.is_ok());
    let service = service.restart().await;
    let still = service.try_validate(&issued.access_token).await;
    assert_refused(still, Code::Unauthenticated, "TOKEN_REVOKED");
}

#[tokio::test]
async fn restart_keeps_revocations() {
    let mut service = TestService::with_user("ada").await;
    for _round in 0..rounds(3) {
        // Each round leaves a login; beyond a hundred the oldest one ends.
        service.clock.advance(seconds(1));
        let (token, login) = (
            service.tokens("ada", "").await,
            service.tokens("ada", "").await,
        );
        service.revoke(&token.access_token).await;
        service.revoke(&login.refresh_token).await;
        service = service.restart().await;
        let token = service.try_validate(&token.access_token).await;
        assert_refused(token, Code::Unauthenticated, "TOKEN_REVOKED");
        let access = service.try_validate(&login.access_token).await;
        assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
        let refresh = service.try_refresh(&login.refresh_token).await;
        assert_refused(refresh, Code::Unauthenticated, "LOGIN_ENDED");
    }
}

#[tokio::test]
async fn refresh_token_of_any_generation_ends_login() {
    let service = TestService::with_user("ada").await;
    let first = service.tokens("ada", "").await;
    let second = service.try_refresh(&first.refresh_token).await.unwrap();
    let other_login = service.tokens("ada", "").await;

    service.revoke(&first.refresh_token).await;

    for token in [&first.access_token, &second.access_token] {
        let answer = service.try_validate(token).await;
        assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
    }
    let refreshed = service.try_refresh(&second.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    assert!(
        service
            .try_validate(&other_login.access_token)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn access_token_with_end_login_ends_login() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "account").await;
    let end_login_of = |token: &str| RevokeTokenRequest {
        token: token.to_owned(),
        end_login: true,
        ..Default::default()
    };
    let weak = service.tokens("ada", "profile").await;
    let refused = service
        .auth()
        .revoke_token(end_login_of(&weak.access_token))
        .await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
    assert!(service.try_validate(&weak.access_token).await.is_ok());

    let request = end_login_of(&issued.access_token);
    service.auth().revoke_token(request).await.unwrap();

    let access = service.try_validate(&issued.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refreshed = service.try_refresh(&issued.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn unexchanged_ticket_ends_login() {
    let service = TestService::with_user("ada").await;
    let ticket = service.login("ada").await.login_ticket;
    service.revoke(&ticket).await;
    let answer = service.try_exchange(&ticket, "").await;
    assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn unknown_or_ended_token_is_no_error() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    for _ in 0..2 {
        service.revoke(&issued.refresh_token).await;
        service.revoke(&issued.access_token).await;
        service.revoke("junk").await;
        service.revoke("").await;
    }
}

#[tokio::test]
async fn repeated_revocation_writes_nothing() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    let before = service.revoke(&issued.access_token).await;
    for _ in 0..3 {
        assert_eq!(service.revoke(&issued.access_token).await, before);
    }
    let sibling = service.try_refresh(&issued.refresh_token).await.unwrap();
    let ended = service.revoke(&issued.refresh_token).await;
    assert_eq!(ended, before + 1);
    for token in [
        &issued.refresh_token,
        &sibling.refresh_token,
        &sibling.access_token,
    ] {
        assert_eq!(service.revoke(token).await, ended);
    }
}

#[tokio::test]
async fn access_tokens_beyond_sixty_a_minute_are_throttled() {
    let service = TestService::with_user("ada").await;
    let mut tokens = vec![service.tokens("ada", "").await];
    let other = service.tokens("ada", "").await.access_token;
    for number in 1..61 {
        // Below the limit of refreshes.
        service.clock.advance(seconds(u64::from(number == 40) * 60));
        let last = &tokens[number - 1].refresh_token;
        tokens.push(service.try_refresh(last).await.unwrap());
    }
    let revoke = async |token: &str| {
        let token = token.to_owned();
        let request = RevokeTokenRequest {
            token,
            ..Default::default()
        };
        service.auth().revoke_token(request).await
    };
    let (last, rest) = tokens.split_last().unwrap();
    for token in rest {
        revoke(&token.access_token).await.unwrap();
    }
    let refused = revoke(&last.access_token).await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    revoke(&rest[0].access_token).await.unwrap();
    revoke(&other).await.unwrap();
    // The login can be ended at any time.
    revoke(&last.refresh_token).await.unwrap();
    let gone = service.try_validate(&last.access_token).await;
    assert_refused(gone, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn login_without_tokens_ends_without_log_entry() {
    let service = TestService::with_user("ada").await;
    let (used, unused) = (
        service.tokens("ada", "").await,
        service.login("ada").await.login_ticket,
    );
    let before = service.revoke("").await;
    assert_eq!(service.revoke(&unused).await, before, "no token was issued");
    let exchanged = service.try_exchange(&unused, "").await;
    assert_refused(exchanged, Code::Unauthenticated, "LOGIN_ENDED");

    // The clock at the time of the revocation does not count, as it may be wrong.
    service.clock.advance(minutes(15) + seconds(10 + 60));
    assert_eq!(service.revoke(&used.refresh_token).await, before + 1);
    let refreshed = service.try_refresh(&used.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");

    let live = service.tokens("ada", "").await;
    service.clock.advance(minutes(15));
    assert_eq!(service.revoke(&live.refresh_token).await, before + 2);
}

#[tokio::test]
async fn expired_access_token_with_end_login_ends_login() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "account").await;
    let weak = service.tokens("ada", "profile").await;
    service.clock.advance(minutes(16));
    let end_login_of = async |token: &str| {
        let request = RevokeTokenRequest {
            token: token.to_owned(),
            end_login: true,
            ..Default::default()
        };
        service.auth().revoke_token(request).await
    };
    let refused = end_login_of(&weak.access_token).await;
    assert_refused(refused, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
    service.revoke(&issued.access_token).await;
    let next = service.try_refresh(&issued.refresh_token).await.unwrap();
    end_login_of(&issued.access_token).await.unwrap();
    let ended = service.try_refresh(&next.refresh_token).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    end_login_of(&issued.access_token).await.unwrap();
    let forged = format!("{}A", issued.access_token);
    end_login_of(&forged).await.unwrap();
    assert!(service.try_refresh(&weak.refresh_token).await.is_ok());
}
