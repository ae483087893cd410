//! `POST /api/logout`: ends the login of an API client.

use axum::{
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header},
};
use holdfast_client::{ErrorReason, authorization_header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    dpop::Dpop,
    extract::{
        access_token::{SCOPE, required_proof},
        client::ApiClientInfo,
        json::Json,
    },
    state::AppState,
};

/// The body of a request without an access token.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "hfr_…"}))]
pub(in crate::http) struct Logout {
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// The credential that an API client signs out with.
pub(in crate::http) enum SignOutCredential {
    AccessToken(HeaderMap),
    RefreshToken(SecretString),
}

impl FromRequest<AppState> for SignOutCredential {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let headers = request.headers();
        // Where an access token is presented the body does not count.
        if authorization_header::is_presented(headers) {
            return Ok(Self::AccessToken(headers.clone()));
        }
        if !headers.contains_key(header::CONTENT_TYPE) {
            return Err(Problem::no_token());
        }
        let Json(body): Json<Option<Logout>> = Json::from_request(request, state).await?;
        let Logout { refresh_token } = body.ok_or_else(Problem::no_token)?;
        Ok(Self::RefreshToken(refresh_token))
    }
}

/// Ends the login of an access token, even an expired one, or of the refresh token in the body.
#[utoipa::path(
    post,
    path = "/api/logout",
    tag = "tokens",
    operation_id = "logout",
    request_body = Option<Logout>,
    security(("bearer" = []), ()),
    responses((status = 204, description = "The login has ended")),
)]
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    ApiClientInfo(client): ApiClientInfo,
    dpop: Dpop,
    credential: SignOutCredential,
) -> Result<StatusCode, Problem> {
    let auth = &state.auth;
    match credential {
        SignOutCredential::AccessToken(headers) => {
            let (scheme, token) = authorization_header::read(&headers)?;
            let proof = required_proof(scheme, &dpop)?;
            let validated = state.verifier.validate(token, proof, "", &[SCOPE]).await;
            let ended = match dpop.keep_nonce(validated) {
                Ok(_) => auth.end_login(token, None, &client).await,
                Err(error) if error.is_refused_as(ErrorReason::TokenExpired) => {
                    auth.end_login(token, proof, &client).await
                }
                Err(refused) => Err(refused),
            };
            dpop.keep_nonce(ended)
                .map_err(|error| Problem::for_token(error, scheme))?;
        }
        SignOutCredential::RefreshToken(token) => {
            let ended = auth
                .end_login(token.expose_secret(), dpop.proof(), &client)
                .await;
            dpop.keep_nonce(ended).map_err(Problem::for_credential)?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
