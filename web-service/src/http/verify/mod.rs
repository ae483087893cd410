//! `/auth/verify`: a reverse proxy asks whether a request may pass (nginx `auth_request`, Caddy `forward_auth`, Traefik
//! `ForwardAuth`, Envoy HTTP).

mod answer;
mod decision;
mod ext_authz;
mod original;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use time::Duration;

pub use self::ext_authz::serve_ext_authz;
use self::{answer::Dialect, original::Proxied};
use crate::{domain::gate::Requirements, http::state::AppState};

/// What the application wants.
#[derive(Deserialize)]
pub(in crate::http) struct Wanted {
    #[serde(default)]
    scope: String,
    #[serde(default)]
    audience: String,
    max_age: Option<u32>,
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
pub(in crate::http) async fn show(
    State(state): State<AppState>,
    Proxied(original): Proxied,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    // What cannot be read might have been a requirement.
    let Ok(Query(wanted)) = wanted else {
        return answer::misconfigured();
    };
    let decision = decision::decide(&state, &headers, &original, &wanted.into()).await;
    answer::answer(&state, decision, &original, Dialect::of(&headers), &headers)
}
