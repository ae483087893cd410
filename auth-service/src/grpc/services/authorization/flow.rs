//! `StartAuthorization` and `ContinueAuthorization`: from a browser's request to the response.

use auth_proto::v1::{
    ContinueAuthorizationRequest, ContinueAuthorizationResponse, StartAuthorizationRequest,
    StartAuthorizationResponse,
};
use holdfast_identity::oauth::AuthorizeError;
use tonic::{Request, Status};

use crate::grpc::{
    call_context::context_of_call,
    decode, encode,
    errors::{IntoStatus as _, OrStatus as _},
    services::authorization::AuthorizationApi,
};

pub(super) async fn start(
    api: &AuthorizationApi,
    request: Request<StartAuthorizationRequest>,
) -> Result<StartAuthorizationResponse, Status> {
    let context = context_of_call(&request, &api.service_identity);
    let message = request.into_inner();
    let parameters = decode::parameters(message.parameters)
        .map_err(|_| AuthorizeError::RepeatedParameter.into_status())?;
    let session = decode::optional(message.refresh_token);
    let authorizations = &api.identity.authorizations;
    let state = authorizations.start(&parameters, session.as_deref(), &context);
    Ok(StartAuthorizationResponse {
        step: Some(encode::authorization_step(state.await.or_status()?)),
    })
}

pub(super) async fn proceed(
    api: &AuthorizationApi,
    request: Request<ContinueAuthorizationRequest>,
) -> Result<ContinueAuthorizationResponse, Status> {
    let context = context_of_call(&request, &api.service_identity);
    let message = request.into_inner();
    let decision = decode::consent_decision(message.decision());
    let session = decode::optional(message.refresh_token);
    let authorizations = &api.identity.authorizations;
    let state = authorizations.proceed(&message.flow, session.as_deref(), decision, &context);
    Ok(ContinueAuthorizationResponse {
        step: Some(encode::authorization_step(state.await.or_status()?)),
    })
}
