//! `Login`: verifies username and password, and starts a login.

use auth_proto::v1::{LoginRequest, LoginResponse};
use holdfast_identity::authentication::{AuthenticationStep, SignInOptions};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{sign_in_form, take_context},
    decode, encode,
    errors::{OrStatus as _, completed},
    services::auth::AuthApi,
};

pub(super) async fn login(
    api: &AuthApi,
    mut request: Request<LoginRequest>,
) -> Result<LoginResponse, Status> {
    let context = take_context(&mut request, &api.service_identity)?;
    let form = sign_in_form(&context, &request);
    let LoginRequest {
        username, password, ..
    } = request.into_inner();
    let step = Some(AuthenticationStep::Password(decode::password(&password)?));
    let authentication = &api.identity.authentication;
    let options = SignInOptions {
        form,
        ..SignInOptions::default()
    };
    let started = authentication.start_authentication(username, step, options, &context);
    let signed_in = completed(started.await.or_status()?)?;
    Ok(encode::signed_in(signed_in))
}
