//! `RevokeToken`: ends a login or revokes one access token (RFC 7009).

use auth_proto::v1::{ClientCredentials, RevokeTokenRequest, RevokeTokenResponse};
use holdfast_identity::{
    call_context::CallContext,
    token::{IssueTokenError, RevocationRequest},
};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{proof_for_rpc, take_context},
    decode,
    errors::{IntoStatus as _, OrStatus as _},
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
    let by_own_client = match message.client_credentials {
        Some(stated) => is_own_client(api, stated, &message.token, &context).await?,
        None => false,
    };
    let revocation = RevocationRequest {
        token: &message.token,
        proof: proof.as_ref(),
        by_own_client,
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

/// Whether an OAuth client that can authenticate itself did so. A token of another client is an error.
async fn is_own_client(
    api: &AuthApi,
    stated: ClientCredentials,
    token: &str,
    context: &CallContext,
) -> Result<bool, Status> {
    let credentials = decode::client_credentials(stated);
    let client = api
        .identity
        .clients
        .authenticate(&credentials, context)
        .await
        .or_status()?;
    let may_revoke = api.identity.tokens.may_revoke(&client, token);
    if !may_revoke.await.or_status()? {
        return Err(IssueTokenError::UnauthorizedClient.into_status());
    }
    Ok(client.is_confidential())
}

impl AuthApi {
    /// The sequence number by which watchers have every revocation that is committed now; 0 if the store is unavailable.
    pub(super) async fn revocation_sequence(&self) -> i64 {
        self.streams.feed.revocation_sequence().await
    }
}
