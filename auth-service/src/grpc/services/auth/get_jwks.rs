//! `GetJwks`: the public keys that verify access tokens and ID tokens, and the issuer.

use auth_proto::v1::{GetJwksRequest, GetJwksResponse};
use tonic::{Request, Status};

use crate::grpc::{encode, services::auth::AuthApi};

#[expect(clippy::unused_async, reason = "a handler is asynchronous")]
pub(super) async fn get_jwks(
    api: &AuthApi,
    request: Request<GetJwksRequest>,
) -> Result<GetJwksResponse, Status> {
    // Any caller may call this. A wrong service secret is an error, because web-service's readiness depends on this call.
    api.service_identity.recognize(&request)?;
    let keys = api.keys.published(api.clock.now());
    Ok(GetJwksResponse {
        keys: keys.iter().map(encode::json_web_key).collect(),
        client_registration: api.client_registration,
        client_metadata_documents: api.client_documents,
        issuer: api.identity.tokens.issuer().to_owned(),
    })
}
