//! `IssueToken`: exchanges a login ticket, an authorization code or a refresh token, or issues a token to an OAuth client in its own name.

use auth_proto::v1::{
    AuthorizationCode, ClientCredentials, IssueTokenRequest, IssueTokenResponse,
    issue_token_request::Grant as StatedGrant,
};
use holdfast_identity::{
    oauth::PresentedProof,
    token::{AuthorizationGrant, ClientTokenRequest, CodeExchange, TokenRequest},
};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::{proof_for_rpc, take_context},
    decode, encode,
    errors::{OrStatus as _, invalid},
    rpc_paths,
    services::auth::AuthApi,
};

pub(super) async fn issue_token(
    api: &AuthApi,
    mut request: Request<IssueTokenRequest>,
) -> Result<IssueTokenResponse, Status> {
    let context = take_context(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let (tokens, path) = (&api.identity.tokens, rpc_paths::ISSUE_TOKEN);
    let proof = message
        .dpop
        .map(|stated| proof_for_rpc(&context, stated, tokens.issuer(), path));
    let has_proof = proof.is_some();
    let Some(grant) = message.grant else {
        let grants = "one of login_ticket, authorization_code, refresh_token and client_credentials is required";
        return Err(invalid("grant", grants));
    };
    let audience = decode::optional(message.audience);
    let scopes = decode::scopes(&message.scope)?;
    let grant = match grant {
        StatedGrant::LoginTicket(ticket) => AuthorizationGrant::LoginTicket(ticket),
        StatedGrant::RefreshToken(token) => AuthorizationGrant::RefreshToken(token),
        StatedGrant::AuthorizationCode(stated) => {
            let client = message.client_authentication.unwrap_or_default();
            let exchange = code_exchange(stated, client, audience, proof);
            let issued = tokens.exchange_code(&exchange, &context).await;
            let issued = encode::issued(issued.or_status()?);
            return Ok(with_nonce(api, issued, has_proof));
        }
        StatedGrant::ClientCredentials(stated) => {
            let request = ClientTokenRequest {
                client: decode::client_credentials(stated),
                audience,
                scopes,
                proof,
            };
            let issued = tokens.issue_client_token(&request, &context).await;
            let issued = encode::client_token(issued.or_status()?);
            return Ok(with_nonce(api, issued, has_proof));
        }
    };
    let is_refresh = matches!(grant, AuthorizationGrant::RefreshToken(_));
    let request = TokenRequest {
        grant,
        audience,
        scopes,
        client: message
            .client_authentication
            .filter(|_| is_refresh)
            .map(decode::client_credentials),
        proof,
    };
    let issued = tokens.issue_token(&request, &context).await;
    Ok(with_nonce(
        api,
        encode::issued(issued.or_status()?),
        has_proof,
    ))
}

fn code_exchange(
    stated: AuthorizationCode,
    client: ClientCredentials,
    audience: Option<String>,
    proof: Option<PresentedProof>,
) -> CodeExchange {
    CodeExchange {
        code: stated.code,
        redirect_uri: stated.redirect_uri,
        verifier: stated.code_verifier.parse().ok(),
        client: decode::client_credentials(client),
        audience,
        proof,
    }
}

/// A caller that presented a proof gets the nonce for its next one.
fn with_nonce(api: &AuthApi, issued: IssueTokenResponse, has_proof: bool) -> IssueTokenResponse {
    let nonce = has_proof.then(|| api.identity.tokens.dpop_nonce());
    IssueTokenResponse {
        dpop_nonce: nonce.unwrap_or_default(),
        ..issued
    }
}
