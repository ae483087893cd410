//! `IntrospectToken`: token introspection by an OAuth client (RFC 7662).

use auth_proto::v1::{IntrospectTokenRequest, IntrospectTokenResponse};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::context_of_call, decode, encode, errors::OrStatus as _, services::auth::AuthApi,
};

pub(super) async fn introspect_token(
    api: &AuthApi,
    request: Request<IntrospectTokenRequest>,
) -> Result<IntrospectTokenResponse, Status> {
    let context = context_of_call(&request, &api.service_identity);
    let message = request.into_inner();
    let client = decode::client_credentials(message.client_credentials.unwrap_or_default());
    let tokens = &api.identity.tokens;
    let claims = tokens.introspect(&client, &message.token, &context).await;
    Ok(encode::introspected(claims.or_status()?.as_deref()))
}
