//! `acr` and `amr` of access tokens, and the strength that a caller requires.

use auth_proto::v1::ValidateTokenRequest;
use holdfast_identity::authentication::SecondFactorPolicy;
use tonic::{Code, Status};

use super::{enrol_step, go_on, set_up};
use crate::support::{TestService, assert_refused, minutes};

impl TestService {
    async fn validate_at(&self, token: &str, acr: &str) -> Result<(), Status> {
        let request = ValidateTokenRequest {
            access_token: token.to_owned(),
            required_acr: acr.to_owned(),
            ..Default::default()
        };
        self.auth().validate_token(request).await.map(drop)
    }
}

#[tokio::test]
async fn required_strength_is_that_of_the_latest_authentication() {
    let (service, app) = TestService::with_totp("ada").await;
    let strong = service.token_with("ada", &app).await;
    service.add_user("bob", false).await;
    let weak = service.tokens("bob", "").await.access_token;
    let claims = service.try_validate(&strong).await.unwrap();
    assert_eq!((claims.acr.as_str(), claims.amr.len()), ("aal2", 3));
    let claims = service.try_validate(&weak).await.unwrap();
    assert_eq!((claims.acr.as_str(), claims.amr.len()), ("", 0));
    for acr in ["", "aal1"] {
        service.validate_at(&weak, acr).await.unwrap();
    }
    service.validate_at(&strong, "aal2").await.unwrap();
    let refused = service.validate_at(&weak, "aal2").await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");
    let unknown = service.validate_at(&strong, "AAL2").await;
    assert_refused(unknown, Code::InvalidArgument, "INVALID_REQUEST");
}

/// A login from before the policy does not administrate.
#[tokio::test]
async fn administration_needs_two_factors_where_they_are_mandatory() {
    let service = TestService::start().await;
    service.add_user("root", true).await;
    let earlier = service.tokens("root", "admin account").await;
    let policy = |config: &mut auth_service::config::ServeConfig| {
        config.policy.second_factor = SecondFactorPolicy::Admins;
    };
    let (directory, clock) = (service.directory.clone(), service.clock.clone());
    service.stop_and(async |_| ()).await;
    let service = TestService::start_in(directory, clock, policy).await;
    let refused = service.try_refresh(&earlier.refresh_token).await;
    assert_refused(refused, Code::PermissionDenied, "STEP_UP_REQUIRED");

    service.clock.advance(minutes(1));
    let next = service.after_password("root").await;
    let login = go_on(&next.attempt, enrol_step(&set_up(&next).code(&service)));
    let ticket = service.finish(login).await.unwrap().login_ticket;
    service.try_exchange(&ticket, "admin").await.unwrap();
}
