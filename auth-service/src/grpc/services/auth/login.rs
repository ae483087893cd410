//! `Login`: verifies username and password, and starts a login.

use auth_proto::v1::{LoginRequest, LoginResponse};
use holdfast_identity::authentication::LoginAttempt;
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{sign_in_form, take_context},
    decode, encode,
    errors::OrStatus as _,
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
    let attempt = LoginAttempt {
        password: decode::password(&password)?,
        username,
        form,
    };
    let signed_in = api.identity.authentication.sign_in(attempt, &context).await;
    Ok(encode::signed_in(signed_in.or_status()?))
}
