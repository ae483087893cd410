//! `GET /.well-known/webauthn`: the origins whose pages may use the passkeys of this site (WebAuthn Level 3 §5.11).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    config::PublicUrl,
    http::api::problem::{self, Problem},
    request::redirect_origins::AllowedRedirectOrigins,
};

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// The document.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"origins": ["https://id.example", "https://app.example"]}))]
pub(in crate::http) struct RelatedOrigins {
    /// The origin of this service, and those of `WEB_RETURN_ORIGINS`.
    origins: Vec<String>,
}

/// Shows the origins whose pages may use the passkeys of this site. There is none where this one is the only one.
#[utoipa::path(
    get,
    path = "/.well-known/webauthn",
    tag = "passkeys",
    operation_id = "related_origins",
    responses(
        (status = 200, description = "The origins", body = RelatedOrigins),
        (status = 404, description = "This origin is the only one", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn show(
    State(public_url): State<Arc<PublicUrl>>,
    State(origins): State<Arc<AllowedRedirectOrigins>>,
) -> Result<([(HeaderName, &'static str); 1], Json<RelatedOrigins>), Problem> {
    let own = &public_url.origin;
    if !origins.has_others(own) {
        return Err(problem::not_found().await);
    }
    // Browsers accept passkeys on secure origins only.
    let others = origins
        .iter()
        .filter(|origin| origin.starts_with("https://") && *origin != own);
    let origins = [own.as_str()].into_iter().chain(others);
    Ok((
        [CACHED],
        Json(RelatedOrigins {
            origins: origins.map(str::to_owned).collect(),
        }),
    ))
}
