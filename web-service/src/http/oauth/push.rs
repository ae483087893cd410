//! `POST /oauth2/par`: pushed authorization requests (RFC 9126).

use std::collections::HashMap;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use holdfast_client::{AuthClient, ClientCredentials, PushOutcome};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    dpop::Dpop,
    oauth::{client, error::OauthError, form::read_form},
};

/// The parameters of the client authentication.
const OF_CLIENT: [&str; 4] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];

/// The form, for the OpenAPI document.
#[derive(ToSchema)]
#[schema(example = json!({"response_type": "code", "client_id": "shop", "redirect_uri": "https://shop.example/callback", "scope": "openid profile", "state": "…", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}))]
#[expect(
    dead_code,
    reason = "describes a form whose parameters are read by name"
)]
pub(in crate::http) struct PushForm {
    /// `code`.
    response_type: Option<String>,
    /// For clients that do not use `Authorization`.
    client_id: Option<String>,
    /// For `client_secret_post`.
    client_secret: Option<String>,
    /// One of the registered redirect URIs.
    redirect_uri: Option<String>,
    /// Scopes separated by spaces.
    scope: Option<String>,
    /// Returned with the response.
    state: Option<String>,
    /// The code challenge (RFC 7636).
    code_challenge: Option<String>,
    /// `S256`.
    code_challenge_method: Option<String>,
}

/// The authorization request that an OAuth client pushes, with its authentication.
pub(in crate::http) struct PushedRequest {
    client: ClientCredentials,
    /// All parameters but the secrets of the client, as often as they were sent.
    parameters: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequest<S> for PushedRequest {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        let headers = request.headers().clone();
        let parameters = read_form(request, state).await?;
        let is_of_client = |(name, _): &&(String, String)| OF_CLIENT.contains(&name.as_str());
        let mut of_client = HashMap::new();
        for (name, value) in parameters.iter().filter(is_of_client) {
            if of_client.insert(name.clone(), value.clone()).is_some() {
                return Err(OauthError::invalid_request("a parameter is repeated"));
            }
        }
        let client = client::read(&headers, &mut of_client)?;
        let parameters = parameters.into_iter();
        Ok(Self {
            client,
            parameters: parameters
                .filter(|(name, _)| name == "client_id" || !OF_CLIENT.contains(&name.as_str()))
                .collect(),
        })
    }
}

/// The answer to an authorization request that was accepted (RFC 9126 §2.2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"request_uri": "urn:ietf:params:oauth:request_uri:hfz_…", "expires_in": 600}))]
pub(in crate::http) struct PushedResponse {
    /// In place of all other parameters but `client_id`, at the authorization endpoint.
    request_uri: String,
    /// Time for which it is accepted, in seconds.
    expires_in: u64,
}

/// Takes an authorization request, and answers with the `request_uri` that stands for it.
#[utoipa::path(
    post,
    path = "/oauth2/par",
    tag = "oauth",
    operation_id = "oauth_push",
    request_body(content = PushForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("client" = [])),
    responses((status = 201, description = "The request was accepted (RFC 9126)", body = PushedResponse)),
)]
pub(in crate::http) async fn submit(
    State(auth): State<AuthClient>,
    dpop: Dpop,
    PushedRequest { client, parameters }: PushedRequest,
) -> Result<(StatusCode, Json<PushedResponse>), OauthError> {
    let pushed = auth.push_authorization(&parameters, &client, dpop.proof());
    match dpop.keep_nonce(pushed.await)? {
        PushOutcome::Pushed {
            request_uri,
            expires_in,
        } => {
            let expires_in = expires_in.as_secs();
            let response = PushedResponse {
                request_uri,
                expires_in,
            };
            Ok((StatusCode::CREATED, Json(response)))
        }
        PushOutcome::Invalid { code, description } => {
            Err(OauthError::of_authorization(code, description))
        }
    }
}
