use auth_proto::v1::ValidateTokenRequest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tonic::Code;

use crate::support::{ISSUER, TestService, assert_refused, minutes, seconds};

async fn service() -> TestService {
    let service = TestService::start().await;
    service.add_user("ada", false).await;
    service
}

#[tokio::test]
async fn valid_token_yields_claims() {
    let service = service().await;
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
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    service.clock.advance(minutes(15) + seconds(29));
    assert!(service.try_validate(&issued.access_token).await.is_ok());
    service.clock.advance(seconds(1));
    let expired = service.try_validate(&issued.access_token).await;
    assert_refused(expired, Code::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn tampered_token_is_refused() {
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    let mut parts: Vec<_> = issued.access_token.split('.').map(str::to_owned).collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
    parts[1] = URL_SAFE_NO_PAD.encode(payload.replace("profile", "admin"));
    let tampered = service.try_validate(&parts.join(".")).await;
    assert_refused(tampered, Code::Unauthenticated, "TOKEN_BAD_SIGNATURE");
}

#[tokio::test]
async fn malformed_token_is_refused() {
    let service = service().await;
    let refresh = service.tokens("ada", "").await.refresh_token;
    for text in ["", "a.b.c", "Bearer", refresh.as_str()] {
        let answer = service.try_validate(text).await;
        assert_refused(answer, Code::Unauthenticated, "TOKEN_MALFORMED");
    }
}

#[tokio::test]
async fn required_audience_and_scopes_are_checked() {
    let service = service().await;
    let access_token = service.tokens("ada", "profile").await.access_token;
    let ask = |audience: &str, scopes: &[&str]| ValidateTokenRequest {
        access_token: access_token.clone(),
        audience: audience.to_owned(),
        required_scopes: scopes.iter().map(ToString::to_string).collect(),
        consistency: 0,
        ..Default::default()
    };
    let mut client = service.auth();
    assert!(
        client
            .validate_token(ask("https://api.example", &["profile"]))
            .await
            .is_ok()
    );
    let elsewhere = client
        .validate_token(ask("https://other.example", &[]))
        .await;
    assert_refused(elsewhere, Code::Unauthenticated, "TOKEN_WRONG_AUDIENCE");
    for lacking in ["account", "orders:read", ""] {
        let answer = client.validate_token(ask("", &["profile", lacking])).await;
        assert_refused(answer, Code::PermissionDenied, "INSUFFICIENT_SCOPE");
    }
}

#[tokio::test]
async fn tokens_stay_valid_after_restart() {
    let service = service().await;
    let issued = service.tokens("ada", "").await;
    let service = service.restart().await;
    assert!(service.try_validate(&issued.access_token).await.is_ok());
    assert!(service.try_refresh(&issued.refresh_token).await.is_ok());
}
