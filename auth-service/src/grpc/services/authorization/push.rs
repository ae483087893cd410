//! `PushAuthorization`: an authorization request that an OAuth client sends itself (RFC 9126).

use auth_proto::v1::{
    AuthorizationError, PushAuthorizationRequest, PushAuthorizationResponse, PushedAuthorization,
    push_authorization_response::Result as Pushed,
};
use holdfast_identity::oauth::{FLOW_TTL, PushError};
use prost_types::Duration;
use tonic::{Request, Status};

use crate::grpc::{
    call_context::context_of_call,
    decode,
    errors::{IntoStatus as _, invalid},
    services::authorization::AuthorizationApi,
};

pub(super) async fn push(
    api: &AuthorizationApi,
    request: Request<PushAuthorizationRequest>,
) -> Result<PushAuthorizationResponse, Status> {
    let context = context_of_call(&request, &api.service_identity);
    let message = request.into_inner();
    let credentials = message.client_credentials;
    let credentials = credentials.ok_or_else(|| invalid("client_credentials", "is required"))?;
    let credentials = decode::client_credentials(credentials);
    let error = |code: &str, description: &str| {
        Pushed::Error(AuthorizationError {
            code: code.to_owned(),
            description: description.to_owned(),
        })
    };
    let Ok(parameters) = decode::parameters(message.parameters) else {
        return Ok(PushAuthorizationResponse {
            result: Some(error("invalid_request", "a parameter is repeated")),
        });
    };
    let authorizations = &api.identity.authorizations;
    let proof = message.dpop.map(decode::proof);
    let pushed = authorizations.push(&parameters, &credentials, proof.as_ref(), &context);
    let result = match pushed.await {
        Ok(request_uri) => Pushed::Pushed(PushedAuthorization {
            request_uri,
            expires_in: Duration::try_from(FLOW_TTL).ok(),
        }),
        Err(PushError::Parameter(code, description)) => error(code, description),
        Err(refused) => return Err(refused.into_status()),
    };
    Ok(PushAuthorizationResponse {
        result: Some(result),
    })
}
