//! `/auth/verify`: a reverse proxy asks whether a request may pass (nginx `auth_request`, Caddy `forward_auth`, Traefik
//! `ForwardAuth`, Envoy HTTP).

mod answer;
mod decision;
mod original_request;
mod withheld;

use axum::{
    extract::{Query, Request, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::Duration;

use self::{answer::Dialect, original_request::Proxied};
pub(crate) use self::{
    answer::misconfigured,
    original_request::changes_nothing,
    withheld::{cookies_of_application, could_be_identity},
};
pub(crate) use crate::http::api::bearer::is_presented as presents_token;
use crate::{
    forward_auth::policy::{OriginalRequest, Requirements},
    http::{
        request_source::{Socket, Visitor},
        service_error::Failure,
        state::AppState,
    },
    session::sign_in::SESSION_SCOPE,
};

/// What the application wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Scopes separated by spaces.
    #[serde(default)]
    pub(crate) scope: String,
    /// Whom an access token has to be for.
    #[serde(default)]
    pub(crate) audience: String,
    /// How old the proof of who somebody is may be, in seconds.
    pub(crate) max_age: Option<u32>,
}

impl From<Wanted> for Requirements {
    fn from(wanted: Wanted) -> Self {
        let scopes = wanted.scope.split(' ').filter(|name| !name.is_empty());
        Self {
            scopes: scopes.map(str::to_owned).collect(),
            audience: wanted.audience,
            max_age: wanted
                .max_age
                .map(|seconds| Duration::seconds(seconds.into())),
        }
    }
}

/// Whether the request may pass, and who it is.
#[utoipa::path(
    get,
    path = "/auth/verify",
    tag = "proxies",
    operation_id = "verify",
    params(("scope" = Option<String>, Query, description = "Scopes that are needed, separated by spaces"), ("audience" = Option<String>, Query, description = "Whom an access token has to be for"), ("max_age" = Option<u32>, Query, description = "How old the proof of who somebody is may be, in seconds")),
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "It may pass; X-Auth-User, X-Auth-Subject, X-Auth-Login, X-Auth-Scope and X-Auth-Method say who it is"), (status = 303, description = "A browser is to sign in first"), (status = 401, description = "Nobody is known, or the proof is too old; with Location for a browser"), (status = 403, description = "They may not")),
)]
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Proxied { original, .. }: Proxied,
    wanted: Result<Query<Wanted>, QueryRejection>,
    Socket(socket): Socket,
    headers: HeaderMap,
) -> Response {
    // What cannot be read might have been a requirement.
    let Ok(Query(wanted)) = wanted else {
        return answer::misconfigured();
    };
    let dialect = Dialect::of(&headers);
    let visitor = Visitor {
        headers: &headers,
        socket,
    };
    let decided = decision::decide(&state, visitor, &original, &wanted.into()).await;
    answer::answer(&state, decided, &original, dialect, &headers)
}

/// The same in the dialect of Envoy's HTTP service. Its query is the client's own, and so are no requirements but one: it is for
/// people.
pub(in crate::http) async fn show_to_envoy(
    State(state): State<AppState>,
    proxied: Proxied,
    request: Request,
) -> Response {
    let (request, _) = request.into_parts();
    let original = original_request::as_envoy_asks(&request, proxied);
    let wanted = Requirements {
        scopes: vec![SESSION_SCOPE.to_owned()],
        ..Requirements::default()
    };
    verify(&state, Visitor::of(&request), &original, &wanted).await
}

/// The same for a proxy that asks in another way, and passes on what is not a yes.
pub(crate) async fn verify(
    state: &AppState,
    visitor: Visitor<'_>,
    original: &OriginalRequest,
    wanted: &Requirements,
) -> Response {
    let decided = decision::decide(state, visitor, original, wanted).await;
    answer::answer(state, decided, original, Dialect::PassedOn, visitor.headers)
}

/// The answer where there is none in time.
pub(crate) fn too_slow() -> Response {
    answer::failed(&Failure::too_slow())
}
