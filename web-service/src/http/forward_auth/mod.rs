//! `/auth/verify`: forward auth over HTTP (nginx `auth_request`, Caddy `forward_auth`, Traefik `ForwardAuth`, Envoy HTTP).

mod original_request;

use axum::{
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use self::original_request::ProxiedRequest;
use crate::{
    forward_auth::{
        policy::{OriginalRequest, Requirements},
        response::{ProxyDialect, ProxyResponse},
    },
    http::{extract::peer::PeerAddress, state::AppState},
    request::source::RequestSource,
    session::sign_in::SESSION_SCOPE,
};

/// The query: what the application requires.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RequirementsQuery {
    /// Scopes separated by spaces.
    #[serde(default)]
    scope: String,
    /// The audience that an access token must have.
    #[serde(default)]
    audience: String,
    /// The greatest age of the latest authentication, in seconds.
    max_age: Option<u32>,
    /// The least strength of the latest authentication: `aal1`, `aal2` or `phr`.
    #[serde(default)]
    acr: String,
}

/// Whether the request may pass, and who it is.
#[utoipa::path(
    get,
    path = "/auth/verify",
    tag = "proxies",
    operation_id = "verify",
    params(("scope" = Option<String>, Query, description = "Scopes that are needed, separated by spaces"), ("audience" = Option<String>, Query, description = "Audience that an access token must have"), ("max_age" = Option<u32>, Query, description = "Greatest age of the latest authentication, in seconds"), ("acr" = Option<String>, Query, description = "Least strength of the latest authentication: aal1, aal2, or phr (phishing-resistant)")),
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The request may pass; X-Auth-User, X-Auth-Subject, X-Auth-Login, X-Auth-Scope, X-Auth-Method, X-Auth-Acr and X-Auth-Amr contain the identity"), (status = 303, description = "A browser has to sign in first"), (status = 401, description = "No valid credential, or the latest authentication is too old or too weak; with Location for a browser"), (status = 403, description = "The request may not pass")),
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    ProxiedRequest { original, .. }: ProxiedRequest,
    requirements: Result<Query<RequirementsQuery>, QueryRejection>,
    PeerAddress(peer): PeerAddress,
    headers: HeaderMap,
) -> Response {
    // What cannot be read might have been a requirement.
    let Ok(Query(query)) = requirements else {
        return into_response(ProxyResponse::misconfigured());
    };
    let requirements = Requirements::new(&query.scope, query.audience, query.max_age);
    let Ok(requirements) = requirements.with_acr(&query.acr) else {
        return into_response(ProxyResponse::misconfigured());
    };
    // Caddy and Traefik name the original request by this header.
    let dialect = if headers.contains_key("x-forwarded-uri") {
        ProxyDialect::PassThrough
    } else {
        ProxyDialect::StatusOnly
    };
    let request = state.requests.read(&headers, peer);
    verify(&state, &request, &original, &requirements, dialect).await
}

/// The same for Envoy's HTTP service. Its query is that of the original request and states no requirements; the fixed one
/// is the scope of people.
pub(in crate::http) async fn show_to_envoy(
    State(state): State<AppState>,
    proxied: ProxiedRequest,
    PeerAddress(peer): PeerAddress,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let original = original_request::for_envoy(&parts, proxied);
    let requirements = Requirements::new(SESSION_SCOPE, String::new(), None);
    let request = state.requests.read(&parts.headers, peer);
    let dialect = ProxyDialect::PassThrough;
    verify(&state, &request, &original, &requirements, dialect).await
}

async fn verify(
    state: &AppState,
    request: &RequestSource<'_>,
    original: &OriginalRequest,
    requirements: &Requirements,
    dialect: ProxyDialect,
) -> Response {
    let forward_auth = &state.forward_auth;
    let decision = forward_auth.decide(request, original, requirements).await;
    into_response(forward_auth.respond(decision, request, original, dialect))
}

fn into_response(response: ProxyResponse) -> Response {
    let status = StatusCode::from_u16(response.status);
    let headers = response.headers.into_iter().filter_map(|(name, value)| {
        let value = HeaderValue::try_from(value).ok()?;
        Some((HeaderName::from_static(name), value))
    });
    let headers: HeaderMap = headers.collect();
    (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers).into_response()
}
