//! Every route and every layer on one screen.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http,
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{any, delete, get, post},
};
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

use super::{
    api, device, dpop, guard, headers, oauth, origin, pages, request_id, state::AppState, verify,
};
use crate::request_id::RequestId;

/// The largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The application.
pub(super) fn router(state: AppState) -> Router {
    let pages = Router::new()
        .route("/", get(pages::home::show))
        .route("/login", get(pages::login::show).post(pages::login::submit))
        .route("/logout", post(pages::logout::submit))
        .route("/dashboard", get(pages::dashboard::show))
        .route(
            "/account/password",
            get(pages::password::show).post(pages::password::submit),
        )
        .route("/account/logins", get(pages::logins::show))
        .route("/account/logins/{sid}/end", post(pages::logins::end))
        .route(
            "/account/logins/end-others",
            post(pages::logins::end_others),
        )
        .route(
            "/account/confirm",
            get(pages::confirm::show).post(pages::confirm::submit),
        )
        .route("/account/again", get(pages::again::show))
        .route("/continue", get(pages::onward::show))
        .route("/static/style.css", get(pages::assets::style))
        .route("/static/icon.svg", get(pages::assets::icon))
        .fallback(pages::error::not_found)
        .method_not_allowed_fallback(pages::error::method_not_allowed);

    let api = Router::new()
        .route("/api/login", post(api::login::submit))
        .route("/api/refresh", post(api::refresh::submit))
        .route("/api/logout", post(api::logout::submit))
        .route("/api/profile", get(api::profile::show))
        .route("/api/session", get(api::session::show))
        .route(
            "/api/session/reauthenticate",
            post(api::reauthenticate::submit),
        )
        .route("/api/session/token", post(api::session_token::submit))
        .route(
            "/api/logins",
            get(api::logins::list).delete(api::logins::end_others),
        )
        .route("/api/logins/{sid}", delete(api::logins::end))
        .route(
            "/api/{*path}",
            get(api::problem::not_found).fallback(api::problem::not_found),
        )
        .route("/api/openapi.json", get(api::openapi::document))
        .route("/api/docs", get(api::docs::show))
        .route("/.well-known/jwks.json", get(api::jwks::show))
        .method_not_allowed_fallback(api::problem::method_not_allowed);

    let oauth = Router::new()
        .route("/oauth2/token", post(oauth::token::submit))
        .route("/oauth2/introspect", post(oauth::introspect::submit))
        .route("/oauth2/revoke", post(oauth::revoke::submit))
        .route(
            "/oauth2/{*path}",
            get(api::problem::not_found).fallback(api::problem::not_found),
        )
        .route(
            "/.well-known/oauth-authorization-server",
            get(oauth::metadata::show),
        )
        .method_not_allowed_fallback(api::problem::method_not_allowed);

    Router::new()
        .merge(api)
        .merge(oauth)
        .merge(pages)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state.clone(), origin::refuse_foreign))
        .route("/session/bind", post(device::bind::submit))
        .route("/session/refresh", post(device::refresh::submit))
        // A proxy asks here about other people's requests, and where they come from is part of the question.
        .route("/auth/verify", any(verify::show))
        .route("/auth/verify/", any(verify::show_to_envoy))
        .route("/auth/verify/{*path}", any(verify::show_to_envoy))
        .layer(from_fn_with_state(guard::Guard::default(), inner))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(DefaultOnResponse::new().level(Level::INFO))
                // A 5xx is logged where it is found, with its cause.
                .on_failure(()),
        )
        .layer(from_fn_with_state(state.clone(), outer))
        .with_state(state)
}

/// Before the log. What could be two layers is one: each costs every request a clone and a box.
async fn outer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let answer = async |request| next.run(request).await;
    let response = request_id::assign(&*state.random, request, answer).await;
    headers::add(response, &state.public_url)
}

/// Behind the log.
async fn inner(State(guard): State<guard::Guard>, request: Request, next: Next) -> Response {
    let answer = async |request| dpop::answer_nonce(request, next).await;
    guard::answer_always(&guard, request, answer).await
}

/// Paths are logged, queries are not: they may say where somebody was going.
fn span<B>(request: &http::Request<B>) -> Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.map(RequestId::as_str);
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}
