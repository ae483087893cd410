//! `POST /api/logout`

use axum::{
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode, header},
};
use holdfast_client::{ErrorReason, auth::ClientKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    api::{
        bearer::{self, SCOPE},
        json::Json,
        problem::Problem,
    },
    dpop::Dpop,
    request_source::Peer,
    state::AppState,
};

/// The body, where no access token comes along.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"refresh_token": "hfr_…"}))]
pub(in crate::http) struct Logout {
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// What a program signs out with.
pub(in crate::http) enum Holds {
    AccessToken(HeaderMap),
    RefreshToken(SecretString),
}

impl FromRequest<AppState> for Holds {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let headers = request.headers();
        // An access token decides where it is presented.
        if bearer::is_presented(headers) {
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

/// Ends the whole login that an access token belongs to, also one that has expired, or a refresh token in the body.
#[utoipa::path(
    post,
    path = "/api/logout",
    tag = "tokens",
    operation_id = "logout",
    request_body = Option<Logout>,
    security(("bearer" = []), ()),
    responses((status = 204, description = "The whole login has ended")),
)]
pub(in crate::http) async fn submit(
    State(state): State<AppState>,
    peer: Peer,
    dpop: Dpop,
    holds: Holds,
) -> Result<StatusCode, Problem> {
    let (auth, client) = (&state.auth, peer.into_client(ClientKind::Api));
    match holds {
        Holds::AccessToken(headers) => {
            let (scheme, token) = bearer::read(&headers)?;
            let proof = bearer::proof(scheme, &dpop)?;
            let judged = state.verify.validate(token, proof, "", &[SCOPE]).await;
            let ended = match dpop.heard(judged) {
                Ok(_) => auth.end_login(token, None, &client).await,
                Err(error) if error.is_refused_as(ErrorReason::TokenExpired) => {
                    auth.end_login(token, proof, &client).await
                }
                Err(refused) => Err(refused),
            };
            dpop.heard(ended)
                .map_err(|error| Problem::for_token(error, scheme))?;
        }
        Holds::RefreshToken(token) => {
            let ended = auth
                .end_login(token.expose_secret(), dpop.proof(), &client)
                .await;
            dpop.heard(ended).map_err(Problem::for_credential)?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
