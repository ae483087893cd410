//! `AuthService/ValidateToken` (RFC 9068 §4).

use auth_proto::v1::{Consistency, ValidateTokenRequest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tonic::Code;

use crate::support::{ISSUER, TestService, assert_refused, minutes, seconds};

#[tokio::test]
async fn valid_token_yields_claims() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "profile account").await;

    let claims = service.try_validate(&issued.access_token).await.unwrap();

    assert_eq!(claims.issuer, ISSUER);
    assert_eq!(claims.audience, "https://api.example");
    assert_eq!(claims.client_id, "first-party");
    assert_eq!(claims.username, "ada");
    assert_eq!(claims.scope, "profile account");
    assert_eq!(
        claims.expires_at.unwrap().seconds - claims.issued_at.unwrap().seconds,
        900
    );
}

#[tokio::test]
async fn token_expires_after_lifetime_and_leeway() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    service.clock.advance(minutes(15) + seconds(29));
    assert!(service.try_validate(&issued.access_token).await.is_ok());
    service.clock.advance(seconds(1));
    let expired = service.try_validate(&issued.access_token).await;
    assert_refused(expired, Code::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn tampered_token_is_refused() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    let mut parts: Vec<_> = issued.access_token.split('.').map(str::to_owned).collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
    parts[1] = URL_SAFE_NO_PAD.encode(payload.replace("profile", "admin"));
    let tampered = service.try_validate(&parts.join(".")).await;
    assert_refused(tampered, Code::Unauthenticated, "TOKEN_BAD_SIGNATURE");
}

#[tokio::test]
async fn malformed_token_is_refused() {
    let service = TestService::with_user("ada").await;
    let refresh = service.tokens("ada", "").await.refresh_token;
    for text in ["", "a.b.c", "Bearer", refresh.as_str()] {
        let answer = service.try_validate(text).await;
        assert_refused(answer, Code::Unauthenticated, "TOKEN_MALFORMED");
    }
}

#[tokio::test]
async fn required_audience_and_scopes_are_checked() {
    let service = TestService::with_user("ada").await;
    let access_token = service.tokens("ada", "profile").await.access_token;
    let request = |audience: &str, scopes: &[&str]| ValidateTokenRequest {
        access_token: access_token.clone(),
        audience: audience.to_owned(),
        required_scopes: scopes.iter().map(ToString::to_string).collect(),
        consistency: 0,
        ..Default::default()
    };
    let mut client = service.auth();
    assert!(
        client
            .validate_token(request("https://api.example", &["profile"]))
            .await
            .is_ok()
    );
    let elsewhere = client
        .validate_token(request("https://other.example", &[]))
        .await;
    assert_refused(elsewhere, Code::Unauthenticated, "TOKEN_WRONG_AUDIENCE");
    for lacking in ["account", "orders:read", ""] {
        let answer = client
            .validate_token(request("", &["profile", lacking]))
            .await;
        assert_refused(answer, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
    }
}

#[tokio::test]
async fn tokens_stay_valid_after_restart() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "").await;
    let service = service.restart().await;
    assert!(service.try_validate(&issued.access_token).await.is_ok());
    assert!(service.try_refresh(&issued.refresh_token).await.is_ok());
}

#[tokio::test]
async fn ended_login_is_refused_at_each_consistency() {
    let service = TestService::with_user("ada").await;
    let issued = service.tokens("ada", "profile").await;
    service.revoke(&issued.refresh_token).await;
    for consistency in [Consistency::Local, Consistency::Strong] {
        let request = ValidateTokenRequest {
            access_token: issued.access_token.clone(),
            consistency: consistency.into(),
            ..Default::default()
        };
        let answer = service.auth().validate_token(request).await;
        assert_refused(answer, Code::Unauthenticated, "LOGIN_ENDED");
    }
}
