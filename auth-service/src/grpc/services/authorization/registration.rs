//! `RegisterClient`: an OAuth client that registers itself (RFC 7591).

use auth_proto::v1::{ErrorReason, RegisterClientRequest, RegisterClientResponse};
use holdfast_identity::oauth::ClientRegistration;
use secrecy::ExposeSecret as _;
use tonic::{Request, Status};

use crate::grpc::{
    call_context::take_context,
    decode, encode,
    errors::{OrStatus as _, invalid, refuse},
    services::authorization::AuthorizationApi,
};

pub(super) async fn register(
    api: &AuthorizationApi,
    mut request: Request<RegisterClientRequest>,
) -> Result<RegisterClientResponse, Status> {
    let context = take_context(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let expected = api.registration_token.as_ref();
    let presented = message.initial_access_token.as_bytes();
    if !expected.is_some_and(|expected| expected.matches(presented)) {
        return Err(refuse(
            ErrorReason::TokenMalformed,
            "the initial access token is not valid, or clients cannot register themselves here",
        ));
    }
    let registration = decode(message, api)?;
    let registered = api.clients.register_itself(registration, &context).await;
    let (client, secret) = registered.or_status()?;
    let secret = secret.map(|secret| secret.expose_secret().to_owned());
    Ok(RegisterClientResponse {
        client: Some(encode::oauth_client(client)),
        client_secret: secret.unwrap_or_default(),
    })
}

fn decode(
    message: RegisterClientRequest,
    api: &AuthorizationApi,
) -> Result<ClientRegistration, Status> {
    let default = api.clients.default_id_token_algorithm();
    let party = message.relying_party.clone();
    let party = party.ok_or_else(|| invalid("relying_party", "is required"))?;
    Ok(ClientRegistration {
        auth_method: decode::auth_method(message.proof_kind(), message.jwk)?,
        relying_party: decode::relying_party(party, default)?,
        dpop_required: message.dpop_required,
    })
}
