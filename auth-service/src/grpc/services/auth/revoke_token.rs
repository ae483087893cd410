//! `RevokeToken`: ends a login or revokes one access token (RFC 7009).

use auth_proto::v1::{RevokeTokenRequest, RevokeTokenResponse};
use holdfast_identity::token::RevocationRequest;
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{proof_for_rpc, take_context},
    decode,
    errors::OrStatus as _,
    rpc_paths,
    services::auth::AuthApi,
};

pub(super) async fn revoke_token(
    api: &AuthApi,
    mut request: Request<RevokeTokenRequest>,
) -> Result<RevokeTokenResponse, Status> {
    let context = take_context(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let issuer = api.identity.tokens.issuer();
    let proof = message
        .dpop
        .map(|stated| proof_for_rpc(&context, stated, issuer, rpc_paths::REVOKE_TOKEN));
    let client = message.client_credentials.map(decode::client_credentials);
    let revocation = RevocationRequest {
        token: &message.token,
        proof: proof.as_ref(),
        client: client.as_ref(),
    };
    let tokens = &api.identity.tokens;
    let revoked = if message.end_login {
        tokens.end_login_of(revocation, &context).await
    } else {
        tokens.revoke_token(revocation, &context).await
    };
    revoked.or_status()?;
    Ok(RevokeTokenResponse {
        revocation_sequence: api.revocation_sequence().await,
    })
}

impl AuthApi {
    /// The sequence number by which watchers have every revocation that is committed now; 0 if the store is unavailable.
    pub(super) async fn revocation_sequence(&self) -> i64 {
        self.streams.feed.revocation_sequence().await
    }
}
