//! Factors of an account in the hands of administrators.

use auth_proto::v1::{
    FactorKind, ListUserFactorsRequest, ResetUserFactorsRequest, SetSecondFactorRequiredRequest,
};
use holdfast_identity::audit::{AuditKind, AuditQuery};
use tonic::Code;

use crate::support::{TestService, assert_refused, bearer};

#[tokio::test]
async fn reset_removes_factors_and_ends_logins() {
    let (service, app) = TestService::with_totp("ada").await;
    let admin = service.admin_token().await;
    let token = service.token_with("ada", &app).await;
    service.recovery_codes(&token).await;
    let id = service.try_validate(&token).await.unwrap().subject;
    let next = service.after_password("ada").await;
    let list = async || {
        let request = ListUserFactorsRequest {
            user_id: id.clone(),
        };
        let answer = service
            .admin()
            .list_user_factors(bearer(request, &admin))
            .await;
        answer.unwrap().into_inner().factors.unwrap()
    };
    assert_eq!(list().await.recovery_codes_left, 10);
    assert_eq!(list().await.factors.len(), 2);
    for _ in 0..2 {
        let request = ResetUserFactorsRequest {
            user_id: id.clone(),
        };
        let request = bearer(request, &admin);
        service.admin().reset_user_factors(request).await.unwrap();
    }
    let left = list().await;
    assert_eq!(left.recovery_codes_left, 0);
    assert_eq!(left.factors.len(), 1);
    assert_eq!(left.factors[0].kind(), FactorKind::Password);
    let ended = service.try_validate(&token).await;
    assert_refused(ended, Code::Unauthenticated, "LOGIN_ENDED");
    // An attempt from before does not count.
    let late = super::go_on(&next.attempt, super::code_step(&app.code(&service)));
    let late = service.finish(late).await;
    assert_refused(late, Code::Unauthenticated, "INVALID_CREDENTIALS");
    assert_eq!(service.login("ada").await.acr, "aal1");
    let query = AuditQuery {
        kind: Some(AuditKind::FactorsReset),
        limit: 9,
        ..AuditQuery::default()
    };
    let events = service.store().await.events(&query).await.unwrap();
    assert_eq!(events.len(), 1, "the second reset had no effect");
    assert!(events[0].event.actor.is_some());
}

#[tokio::test]
async fn administration_needs_an_administrator_and_an_account() {
    let service = TestService::with_user("ada").await;
    let admin = service.admin_token().await;
    let token = service.tokens("ada", "account").await.access_token;
    let user_id = service.try_validate(&token).await.unwrap().subject;
    for (token, user_id, code, reason) in [
        (
            &token,
            user_id.as_str(),
            Code::PermissionDenied,
            "INSUFFICIENT_SCOPE",
        ),
        (
            &admin,
            "00000000-0000-4000-8000-000000000000",
            Code::NotFound,
            "USER_NOT_FOUND",
        ),
        (&admin, "ada", Code::InvalidArgument, "INVALID_REQUEST"),
    ] {
        let user_id = user_id.to_owned();
        let request = ListUserFactorsRequest {
            user_id: user_id.clone(),
        };
        let answer = service
            .admin()
            .list_user_factors(bearer(request, token))
            .await;
        assert_refused(answer, code, reason);
        let request = ResetUserFactorsRequest {
            user_id: user_id.clone(),
        };
        let answer = service
            .admin()
            .reset_user_factors(bearer(request, token))
            .await;
        assert_refused(answer, code, reason);
        let request = SetSecondFactorRequiredRequest {
            user_id,
            required: true,
        };
        let request = bearer(request, token);
        let answer = service.admin().set_second_factor_required(request).await;
        assert_refused(answer, code, reason);
    }
}
