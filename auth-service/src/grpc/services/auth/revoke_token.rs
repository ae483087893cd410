//! `RevokeToken`: ends a login or revokes one access token (RFC 7009).

use auth_proto::v1::{ClientCredentials, RevokeTokenRequest, RevokeTokenResponse};
use holdfast_identity::{
    audit::AuditKind,
    token::{IssueTokenError, RevocationOutcome, RevocationRequest},
};
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject,
    call_context::CallContext,
    decode,
    errors::{IntoStatus as _, OrStatus as _},
    rpc_paths,
    services::auth::AuthApi,
};

pub(super) async fn revoke_token(
    api: &AuthApi,
    mut request: Request<RevokeTokenRequest>,
) -> Result<RevokeTokenResponse, Status> {
    let context = CallContext::take(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let issuer = api.identity.tokens.issuer();
    let proof = message
        .dpop
        .map(|stated| context.proof(stated, issuer, rpc_paths::REVOKE_TOKEN));
    let by_own_client = match message.client_credentials {
        Some(stated) => is_own_client(api, stated, &message.token).await?,
        None => false,
    };
    let revocation = RevocationRequest {
        token: &message.token,
        proof: proof.as_ref(),
        by_own_client,
    };
    let revoked = if message.end_login {
        let from_web_service = context.from_web_service;
        let ended = api
            .identity
            .tokens
            .end_login_of(revocation, from_web_service);
        ended.await
    } else {
        api.identity.tokens.revoke_token(revocation).await
    };
    if let Some((kind, subject)) = event_of(revoked.or_status()?) {
        api.audit.record(kind, subject, context.source());
    }
    Ok(RevokeTokenResponse {
        revocation_sequence: api.revocation_sequence().await,
    })
}

/// Whether an OAuth client that can authenticate itself did so. A token of another client is an error.
async fn is_own_client(
    api: &AuthApi,
    stated: ClientCredentials,
    token: &str,
) -> Result<bool, Status> {
    let credentials = decode::client_credentials(stated);
    let client = api
        .identity
        .clients
        .authenticate(&credentials)
        .await
        .or_status()?;
    if !api.identity.tokens.may_revoke(&client, token) {
        return Err(IssueTokenError::UnauthorizedClient.into_status());
    }
    Ok(client.is_confidential())
}

fn event_of(revoked: RevocationOutcome) -> Option<(AuditKind, AuditSubject)> {
    match revoked {
        RevocationOutcome::Login(user, sid) => {
            Some((AuditKind::LoginEnded, AuditSubject::login(user, sid)))
        }
        RevocationOutcome::Token(login) => {
            let subject = login.map(|(user, sid)| AuditSubject::login(user, sid));
            Some((AuditKind::TokenRevoked, subject.unwrap_or_default()))
        }
        RevocationOutcome::Nothing => None,
    }
}

impl AuthApi {
    /// The sequence number by which watchers have every revocation that is committed now; 0 if the store is unavailable.
    pub(super) async fn revocation_sequence(&self) -> i64 {
        self.streams.feed.revocation_sequence().await
    }
}
