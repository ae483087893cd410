//! Every route on one screen. What all of them have before them is in [`front`](crate::http::pipeline).

use axum::{
    Router,
    routing::{any, delete, get, post},
};

use crate::http::{
    api, dbsc, forward_auth, oauth,
    pages::{self, trailing_slash::PageRoutes as _},
    pipeline::RequestPipeline,
    state::AppState,
};

const DEVICES: &str = "/session/";
const VERIFY: &str = "/auth/verify";

/// Whether browsers send requests there by themselves, for a session that is bound. Of those they say less than of others.
pub(super) fn is_of_devices(path: &str) -> bool {
    path.starts_with(DEVICES)
}

/// Whether the request is a proxy's question about another one, whose origin is part of the question. Some proxies leave the length
/// of the other's body in it.
pub(super) fn is_about_another_request(path: &str) -> bool {
    path.starts_with(VERIFY)
}

/// The application.
pub(super) fn service(state: &AppState) -> RequestPipeline {
    let pages = Router::new()
        .route("/", get(pages::home::show))
        .page("/login", get(pages::login::show).post(pages::login::submit))
        .page("/logout", post(pages::logout::submit))
        .page("/dashboard", get(pages::dashboard::show))
        .page(
            "/account/password",
            get(pages::password::show).post(pages::password::submit),
        )
        .page(
            "/.well-known/change-password",
            get(pages::password::lead_here),
        )
        .page("/account/logins", get(pages::logins::show))
        .page("/account/logins/{sid}/end", post(pages::logins::end))
        .page(
            "/account/logins/end-others",
            post(pages::logins::end_others),
        )
        .page(
            "/account/confirm",
            get(pages::reauthenticate::show).post(pages::reauthenticate::submit),
        )
        .page("/account/again", get(pages::device_check::show))
        .page(
            "/continue",
            get(pages::external_redirect::show).post(pages::external_redirect::submit),
        )
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

    let devices = Router::new()
        .route("/session/bind", post(dbsc::register::submit))
        .route("/session/refresh", post(dbsc::refresh::submit));

    let verify = Router::new()
        .route("/auth/verify", any(forward_auth::show))
        .route("/auth/verify/", any(forward_auth::show_to_envoy))
        .route("/auth/verify/{*path}", any(forward_auth::show_to_envoy));

    let routes = pages.merge(api).merge(oauth).merge(devices).merge(verify);
    RequestPipeline::new(routes.with_state(state.clone()), state)
}
