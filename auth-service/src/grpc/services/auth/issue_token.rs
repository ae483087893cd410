//! `IssueToken`: exchanges a login ticket or a refresh token, or issues a token to an OAuth client in its own name.

use auth_proto::v1::{
    IssueTokenRequest, IssueTokenResponse, issue_token_request::Grant as StatedGrant,
};
use holdfast_identity::{
    audit::{AuditKind, RequestSource},
    token::{AuthorizationGrant, ClientTokenRequest, IssueTokenError, IssuedTokens, TokenRequest},
};
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject,
    call_context::CallContext,
    decode, encode,
    errors::{OrStatus as _, invalid},
    rpc_paths,
    services::auth::AuthApi,
};

pub(super) async fn issue_token(
    api: &AuthApi,
    mut request: Request<IssueTokenRequest>,
) -> Result<IssueTokenResponse, Status> {
    let context = CallContext::take(&mut request, &api.service_identity)?;
    let source = context.source();
    let message = request.into_inner();
    let proof = message
        .dpop
        .map(|stated| context.proof(stated, api.identity.tokens.issuer(), rpc_paths::ISSUE_TOKEN));
    let has_proof = proof.is_some();
    let Some(grant) = message.grant else {
        let grants = "one of login_ticket, refresh_token and client_credentials is required";
        return Err(invalid("grant", grants));
    };
    let audience = decode::optional(message.audience);
    let scopes = decode::scopes(&message.scope)?;
    let grant = match grant {
        StatedGrant::LoginTicket(ticket) => AuthorizationGrant::LoginTicket(ticket),
        StatedGrant::RefreshToken(token) => AuthorizationGrant::RefreshToken(token),
        StatedGrant::ClientCredentials(stated) => {
            let request = ClientTokenRequest {
                client: decode::client_credentials(stated),
                audience,
                scopes,
                proof,
            };
            let issued = issue_to_client(api, &request, source).await?;
            return Ok(with_nonce(api, issued, has_proof));
        }
    };
    let request = TokenRequest {
        grant,
        audience,
        scopes,
        client: context.client,
        proof,
    };
    let outcome = api.identity.tokens.issue_token(&request).await;
    if let Some((kind, subject)) = event_of(&outcome) {
        api.audit.record(kind, subject, source);
    }
    let issued = encode::issued(outcome.or_status()?);
    Ok(with_nonce(api, issued, has_proof))
}

async fn issue_to_client(
    api: &AuthApi,
    request: &ClientTokenRequest,
    source: RequestSource,
) -> Result<IssueTokenResponse, Status> {
    let outcome = api.identity.tokens.issue_client_token(request).await;
    match &outcome {
        Ok(issued) => {
            let subject = AuditSubject::client(issued.client.clone());
            api.audit
                .record(AuditKind::ClientTokenIssued, subject, source);
        }
        Err(IssueTokenError::InvalidClient) => {
            api.record_invalid_client(&request.client, source);
        }
        Err(_) => {}
    }
    Ok(encode::client_token(outcome.or_status()?))
}

/// A caller that presented a proof gets the nonce for its next one.
fn with_nonce(api: &AuthApi, issued: IssueTokenResponse, has_proof: bool) -> IssueTokenResponse {
    let nonce = has_proof.then(|| api.identity.tokens.dpop_nonce());
    IssueTokenResponse {
        dpop_nonce: nonce.unwrap_or_default(),
        ..issued
    }
}

fn event_of(outcome: &Result<IssuedTokens, IssueTokenError>) -> Option<(AuditKind, AuditSubject)> {
    let (kind, user, sid) = match outcome {
        Ok(issued) if issued.is_refresh => (AuditKind::Refreshed, issued.user, issued.sid),
        Ok(issued) if issued.is_repeated_elsewhere => {
            let kind = AuditKind::RefreshRepeatedElsewhere;
            (kind, issued.user, issued.sid)
        }
        Err(IssueTokenError::Reused(user, sid)) => (AuditKind::RefreshReused, *user, *sid),
        Err(IssueTokenError::Throttled(throttled, user, sid)) if throttled.is_first => {
            (AuditKind::RefreshThrottled, *user, *sid)
        }
        _ => return None,
    };
    Some((kind, AuditSubject::login(user, sid)))
}
