//! `ValidateToken`: whether an access token is valid, and its claims.

use auth_proto::v1::{ValidateTokenRequest, ValidateTokenResponse};
use holdfast_identity::token::TokenRequirements;
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::auth::AuthApi};

pub(super) async fn validate_token(
    api: &AuthApi,
    request: Request<ValidateTokenRequest>,
) -> Result<ValidateTokenResponse, Status> {
    let (metadata, extensions, message) = request.into_parts();
    let consistency = decode::consistency(message.consistency());
    let audience = decode::optional(message.audience);
    let scopes: Vec<_> = message.required_scopes.iter().map(String::as_str).collect();
    let proof = message.dpop.map(decode::proof);
    let requirements = TokenRequirements {
        audience: audience.as_deref(),
        scopes: &scopes,
        min_level: decode::level("required_acr", message.required_acr)?,
        consistency,
        proof: proof.as_ref(),
    };
    let claims = api
        .identity
        .tokens
        .validate_token(&message.access_token, requirements)
        .await
        .or_status()?;
    let nonce = proof.map(|_| api.identity.tokens.dpop_nonce());
    let mut encoded = encode::claims(&claims);
    if let Some(person) = claims.person.as_ref().filter(|person| person.is_pairwise()) {
        let request = Request::from_parts(metadata, extensions, ());
        if api.service_identity.recognize(&request).unwrap_or(false) {
            encoded.sid = person.sid.to_string();
        }
    }
    Ok(ValidateTokenResponse {
        claims: Some(encoded),
        dpop_nonce: nonce.unwrap_or_default(),
    })
}
