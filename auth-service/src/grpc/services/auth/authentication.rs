//! `StartAuthentication` and `ContinueAuthentication`: sign-in in steps.

use auth_proto::v1::{
    ContinueAuthenticationRequest, ContinueAuthenticationResponse, StartAuthenticationRequest,
    StartAuthenticationResponse, continue_authentication_response, start_authentication_response,
};
use holdfast_identity::authentication::{AuthenticationState, SignInOptions};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{sign_in_form, take_context},
    decode, encode,
    errors::OrStatus as _,
    services::auth::AuthApi,
};

pub(super) async fn start(
    api: &AuthApi,
    mut request: Request<StartAuthenticationRequest>,
) -> Result<StartAuthenticationResponse, Status> {
    use start_authentication_response::Result::{Done, Next};

    let context = take_context(&mut request, &api.service_identity)?;
    let form = sign_in_form(&context, &request);
    let message = request.into_inner();
    let step = decode::step(message.step)?;
    let options = SignInOptions {
        form,
        trust: decode::presented_trust(&message.trusted_browser, &message.trusted_browser_jkt),
        trust_browser: false,
    };
    let authentication = &api.identity.authentication;
    let started = authentication.start_authentication(message.username, step, options, &context);
    let result = match started.await.or_status()? {
        AuthenticationState::Done(signed_in) => Done(encode::signed_in(signed_in)),
        AuthenticationState::Next(next) => Next(encode::next_steps(next)),
    };
    Ok(StartAuthenticationResponse {
        result: Some(result),
    })
}

pub(super) async fn continue_attempt(
    api: &AuthApi,
    mut request: Request<ContinueAuthenticationRequest>,
) -> Result<ContinueAuthenticationResponse, Status> {
    use continue_authentication_response::Result::{Done, Next};

    let context = take_context(&mut request, &api.service_identity)?;
    let form = sign_in_form(&context, &request);
    let message = request.into_inner();
    let step = decode::next_step(message.step)?;
    let options = SignInOptions {
        form,
        trust: decode::presented_trust(&message.trusted_browser, &message.trusted_browser_jkt),
        trust_browser: message.trust_browser,
    };
    let authentication = &api.identity.authentication;
    let attempt = &message.attempt;
    let continued = authentication.continue_authentication(attempt, step, options, &context);
    let result = match continued.await.or_status()? {
        AuthenticationState::Done(signed_in) => Done(encode::signed_in(signed_in)),
        AuthenticationState::Next(next) => Next(encode::next_steps(next)),
    };
    Ok(ContinueAuthenticationResponse {
        result: Some(result),
    })
}
