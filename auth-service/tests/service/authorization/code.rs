//! The exchange of authorization codes (RFC 6749 §4.1.3, RFC 9700 §4.5).

use auth_proto::v1::{IssueTokenRequest, issue_token_request::Grant};
use holdfast_identity::oauth::RelyingParty;
use tokio::task::JoinSet;
use tonic::Code;

use super::{Fixture, REDIRECT, claims_of, exchange_request, part_of, party};
use crate::support::{assert_refused, minutes, rounds, seconds, with_refresh};

/// The exchange of a code with one part of it changed.
fn changed(
    code: &str,
    change: impl FnOnce(&mut auth_proto::v1::AuthorizationCode),
) -> IssueTokenRequest {
    let mut request = exchange_request("app", code);
    if let Some(Grant::AuthorizationCode(stated)) = &mut request.grant {
        change(stated);
    }
    request
}

#[tokio::test]
async fn code_is_exchanged_for_tokens_of_the_login() {
    let fixture = Fixture::start().await;
    let tokens = fixture.sign_in(&[]).await;

    let service = &fixture.service;
    assert_eq!(tokens.scope, "profile openid offline_access");
    let access = service.userinfo(&tokens.access_token).await.unwrap();
    assert_eq!((&*access.client_id, &*access.sid), ("app", &*fixture.sid));
    assert_ne!(access.grant_id, "", "a grant of its own");
    let header = part_of(&tokens.id_token, 0);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&"JWT".into(), &"EdDSA".into())
    );
    let claims = claims_of(&tokens.id_token);
    assert_eq!(claims["iss"], access.issuer);
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["sub"], access.subject);
    assert_eq!(claims["sid"], fixture.sid);
    assert_eq!(claims["nonce"], "a nonce");
    assert_eq!(claims["preferred_username"], "ada");
    assert_eq!(
        (&claims["acr"], &claims["amr"][0]),
        (&"aal1".into(), &"pwd".into())
    );
    let auth_time = access.auth_time.unwrap().seconds;
    assert_eq!(claims["auth_time"], auth_time);
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 600);
    assert!(claims["at_hash"].is_string());
    let refused = service.try_validate(&tokens.id_token).await;
    assert_refused(refused, Code::Unauthenticated, "TOKEN_MALFORMED");
}

#[tokio::test]
async fn refresh_token_rotates_and_gives_another_id_token() {
    let fixture = Fixture::start().await;
    let first = fixture.sign_in(&[]).await;
    let second = fixture
        .service
        .try_refresh(&first.refresh_token)
        .await
        .unwrap();
    let claims = claims_of(&second.id_token);
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["nonce"], serde_json::Value::Null);
    assert_ne!(first.refresh_token, second.refresh_token);
    // Without `openid` there is none.
    let narrowed = IssueTokenRequest {
        scope: "profile".to_owned(),
        ..with_refresh(&second.refresh_token)
    };
    let third = fixture.service.issue(narrowed).await.unwrap();
    assert_eq!((&*third.scope, &*third.id_token), ("profile", ""));
    let wider = IssueTokenRequest {
        scope: "account".to_owned(),
        ..with_refresh(&third.refresh_token)
    };
    let wider = fixture.service.issue(wider).await;
    assert_refused(wider, Code::InvalidArgument, "INVALID_SCOPE");
}

#[tokio::test]
async fn refresh_token_needs_offline_access() {
    let fixture = Fixture::start().await;
    let tokens = fixture.sign_in(&[("scope", "openid")]).await;
    assert_eq!(tokens.refresh_token, "");
    assert_ne!(tokens.id_token, "");
    assert_eq!(
        claims_of(&tokens.id_token)["preferred_username"],
        serde_json::Value::Null
    );
    let tokens = fixture.sign_in(&[("scope", "profile")]).await;
    assert_eq!(tokens.id_token, "", "no OpenID request");
}

#[tokio::test]
async fn second_use_of_a_code_ends_its_grant() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    let code = fixture.consented(&[]).await;
    let first = service.exchange("app", &code).await.unwrap();

    let again = service.exchange("app", &code).await;

    assert_refused(again, Code::Unauthenticated, "CODE_REUSED");
    let access = service.userinfo(&first.access_token).await;
    assert_refused(access, Code::Unauthenticated, "TOKEN_REVOKED");
    let refreshed = service.try_refresh(&first.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
    // The login continues, and with it the other grants.
    assert!(!fixture.consented(&[]).await.is_empty());
}

#[tokio::test]
async fn concurrent_exchanges_of_a_code_have_at_most_one_success() {
    for _ in 0..rounds(20) {
        let fixture = Fixture::start().await;
        let code = fixture.consented(&[]).await;
        let mut exchanges = JoinSet::new();
        for _ in 0..4 {
            let mut auth = fixture.service.auth();
            let request = crate::support::from_web_service(exchange_request("app", &code));
            exchanges.spawn(async move { auth.issue_token(request).await });
        }
        let results = exchanges.join_all().await;
        let successes = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(successes, 1, "{results:?}");
    }
}

#[tokio::test]
async fn code_is_bound_to_client_redirect_uri_and_verifier() {
    let fixture = Fixture::start().await;
    let service = &fixture.service;
    service.add_party("other", party()).await;
    let code = fixture.consented(&[]).await;

    let foreign = service.exchange("other", &code).await;
    assert_refused(foreign, Code::Unauthenticated, "CODE_INVALID");
    let unknown = service.exchange("unknown", &code).await;
    assert_refused(unknown, Code::Unauthenticated, "INVALID_CLIENT");
    let mut anonymous = exchange_request("app", &code);
    anonymous.client_authentication = None;
    assert_refused(
        service.issue(anonymous).await,
        Code::Unauthenticated,
        "INVALID_CLIENT",
    );
    for request in [
        changed(&code, |stated| stated.redirect_uri = format!("{REDIRECT}/")),
        changed(&code, |stated| stated.redirect_uri.clear()),
        changed(&code, |stated| stated.code_verifier = "a".repeat(43)),
        changed(&code, |stated| stated.code_verifier.clear()),
        changed(&code, |stated| stated.code = code.replace("hfc_", "hfz_")),
        changed(&code, |stated| stated.code.clear()),
    ] {
        let refused = service.issue(request).await;
        assert_refused(refused, Code::Unauthenticated, "CODE_INVALID");
    }
    assert!(
        service.exchange("app", &code).await.is_ok(),
        "no attempt used it up"
    );
}

#[tokio::test]
async fn code_expires_after_a_minute() {
    let fixture = Fixture::start().await;
    let (in_time, late) = (fixture.consented(&[]).await, fixture.consented(&[]).await);
    fixture.service.clock.advance(seconds(58));
    assert!(fixture.service.exchange("app", &in_time).await.is_ok());
    fixture.service.clock.advance(seconds(2));
    let late = fixture.service.exchange("app", &late).await;
    assert_refused(late, Code::Unauthenticated, "CODE_INVALID");
}

#[tokio::test]
async fn code_of_an_ended_login_is_refused() {
    let fixture = Fixture::start().await;
    let code = fixture.consented(&[]).await;
    fixture.service.revoke(&fixture.session).await;
    let refused = fixture.service.exchange("app", &code).await;
    assert_refused(refused, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn code_of_a_disabled_client_is_refused() {
    let fixture = Fixture::start().await;
    let code = fixture.consented(&[]).await;
    let store = fixture.service.store().await;
    let now = holdfast_core::clock::Clock::now(&fixture.service.clock);
    let disabled = store
        .disable_client(&"app".parse().unwrap(), now, &[])
        .await;
    disabled.unwrap();
    let refused = fixture.service.exchange("app", &code).await;
    assert_refused(refused, Code::Unauthenticated, "INVALID_CLIENT");
}

#[tokio::test]
async fn end_of_the_login_ends_the_tokens_of_every_code() {
    let fixture = Fixture::start().await;
    let tokens = fixture.sign_in(&[]).await;
    fixture.service.revoke(&fixture.session).await;
    let access = fixture.service.userinfo(&tokens.access_token).await;
    assert_refused(access, Code::Unauthenticated, "LOGIN_ENDED");
    let refreshed = fixture.service.try_refresh(&tokens.refresh_token).await;
    assert_refused(refreshed, Code::Unauthenticated, "LOGIN_ENDED");
}

#[tokio::test]
async fn oldest_grant_ends_beyond_sixteen() {
    let fixture = Fixture::with_party(RelyingParty {
        is_first_party: true,
        ..party()
    })
    .await;
    let mut tokens = Vec::new();
    for _ in 0..17 {
        fixture.service.clock.advance(seconds(1));
        tokens.push(fixture.sign_in(&[]).await);
    }
    let oldest = fixture.service.try_refresh(&tokens[0].refresh_token).await;
    assert_refused(oldest, Code::Unauthenticated, "LOGIN_ENDED");
    for kept in &tokens[1..] {
        assert!(
            fixture
                .service
                .try_refresh(&kept.refresh_token)
                .await
                .is_ok()
        );
    }
}

#[tokio::test]
async fn access_token_is_for_the_userinfo_endpoint_only() {
    let fixture = Fixture::start().await;
    let tokens = fixture.sign_in(&[]).await;
    let elsewhere = fixture.service.try_validate(&tokens.access_token).await;
    assert_refused(elsewhere, Code::Unauthenticated, "TOKEN_WRONG_AUDIENCE");
    let step = [("resource", "https://api.example")];
    let step = fixture
        .service
        .start_authorization(&step, &fixture.session)
        .await;
    assert_eq!(super::error_of(step.unwrap()), "invalid_target");
}

#[tokio::test]
async fn exchanges_of_a_client_in_one_login_are_limited() {
    let fixture = Fixture::with_party(RelyingParty {
        is_first_party: true,
        ..party()
    })
    .await;
    for _ in 0..30 {
        fixture.sign_in(&[]).await;
    }
    let code = fixture.consented(&[]).await;
    let refused = fixture.service.exchange("app", &code).await;
    assert_refused(refused, Code::ResourceExhausted, "THROTTLED");
    fixture.service.clock.advance(minutes(1));
    fixture.sign_in(&[]).await;
}

#[tokio::test]
async fn resource_becomes_the_only_audience() {
    let fixture = Fixture::start().await;
    let code = fixture
        .consented(&[("resource", "https://other.example")])
        .await;
    let other = IssueTokenRequest {
        audience: "https://api.example".to_owned(),
        ..exchange_request("app", &code)
    };
    let other = fixture.service.issue(other).await;
    assert_refused(other, Code::InvalidArgument, "INVALID_AUDIENCE");
    let tokens = fixture.service.exchange("app", &code).await.unwrap();
    assert_eq!(
        claims_of(&tokens.access_token)["aud"],
        "https://other.example"
    );
    let next = fixture
        .service
        .try_refresh(&tokens.refresh_token)
        .await
        .unwrap();
    assert_eq!(
        claims_of(&next.access_token)["aud"],
        "https://other.example"
    );
}

#[tokio::test]
async fn upgrade_keeps_codes_of_before_a_restart() {
    let fixture = Fixture::start().await;
    let code = fixture.consented(&[]).await;
    let service = fixture.service.restart().await;
    assert!(service.exchange("app", &code).await.is_ok());
    service.clock.advance(minutes(1));
}
