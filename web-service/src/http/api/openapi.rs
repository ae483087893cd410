//! `GET /api/openapi.json`: the OpenAPI document, generated from the handlers.

use std::sync::{Arc, LazyLock};

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use serde_json::json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, HttpMethod, OpenApi as OpenApiDocument, Ref, ResponseBuilder,
        path::{Operation, PathItem},
        security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
        },
    },
};

use crate::{
    http::{
        api::{self, problem},
        events, forward_auth, oauth, signals,
    },
    request::cookie_names::CookieNames,
};

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

#[derive(OpenApi)]
#[openapi(
    info(title = "Holdfast", description = "Sign-in for applications: tokens, sessions, and the standard endpoints of OAuth 2.0."),
    paths(
        api::login::submit,
        api::login::start,
        api::login::proceed,
        api::refresh::submit,
        api::logout::submit,
        api::profile::show,
        api::session::show,
        api::reauthenticate::submit,
        api::reauthenticate::start,
        api::reauthenticate::proceed,
        api::session_token::submit,
        api::factors::list,
        api::factors::remove,
        api::factors::start_totp,
        api::factors::confirm_totp,
        api::factors::create_codes,
        api::passwords::add,
        api::passwords::remove,
        api::passkeys::start,
        api::passkeys::finish,
        api::passkeys::rename,
        api::security_events::list,
        api::trusted_browsers::list,
        api::trusted_browsers::end,
        api::logins::list,
        api::logins::end,
        api::logins::end_grant,
        api::logins::end_others,
        api::applications::list,
        api::applications::end,
        oauth::push::submit,
        oauth::token::submit,
        oauth::introspect::submit,
        oauth::revoke::submit,
        oauth::userinfo::show,
        oauth::userinfo::show_by_post,
        oauth::register::submit,
        oauth::metadata::show,
        oauth::metadata::show_openid,
        api::jwks::show,
        api::related_origins::show,
        events::revocations::show,
        signals::metadata::show,
        signals::stream::show,
        signals::stream::create,
        signals::stream::update,
        signals::stream::replace,
        signals::stream::delete,
        signals::status::show,
        signals::status::update,
        signals::verification::submit,
        signals::poll::submit,
        forward_auth::show,
    ),
    components(schemas(problem::Body<'_>, oauth::error::Body<'_>)),
    modifiers(&Security, &Errors),
)]
struct Document;

pub(super) static DOCUMENT: LazyLock<OpenApiDocument> = LazyLock::new(Document::openapi);

/// Adds the security schemes.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApiDocument) {
        let components = document.components.get_or_insert_default();
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
        components.add_security_scheme("client", http(HttpAuthScheme::Basic));
        name_cookie(document, &CookieNames::default());
    }
}

fn name_cookie(document: &mut OpenApiDocument, names: &CookieNames) {
    let components = document.components.get_or_insert_default();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(&*names.session));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
}

/// Adds the error responses that follow from what an operation takes.
struct Errors;

impl Modify for Errors {
    fn modify(&self, document: &mut OpenApiDocument) {
        for item in document.paths.paths.values_mut() {
            for (method, operation) in operations(item) {
                let is_read = matches!(method, HttpMethod::Get);
                for error in errors(is_read, operation) {
                    add(operation, error);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let get = item.get.as_mut().map(|one| (HttpMethod::Get, one));
    let post = item.post.as_mut().map(|one| (HttpMethod::Post, one));
    let put = item.put.as_mut().map(|one| (HttpMethod::Put, one));
    let patch = item.patch.as_mut().map(|one| (HttpMethod::Patch, one));
    let delete = item.delete.as_mut().map(|one| (HttpMethod::Delete, one));
    [get, post, put, patch, delete].into_iter().flatten()
}

/// An error response: status, reason, error code of OAuth, and description.
type Error = (u16, &'static str, &'static str, &'static str);

const ALWAYS: [Error; 2] = [
    (500, "INTERNAL", "server_error", "A fault of the services"),
    (
        503,
        "AUTH_UNAVAILABLE",
        "temporarily_unavailable",
        "A part of the service does not respond, or is overloaded; Retry-After has the time to wait",
    ),
];

const OF_BODIES: [Error; 5] = [
    (
        400,
        "INVALID_REQUEST",
        "invalid_grant",
        "The body or a parameter is invalid",
    ),
    (
        413,
        "INVALID_REQUEST",
        "invalid_request",
        "The body is larger than 64 KiB",
    ),
    (
        415,
        "INVALID_REQUEST",
        "invalid_request",
        "The content type is not accepted",
    ),
    (
        422,
        "INVALID_REQUEST",
        "invalid_request",
        "A field is missing or has an invalid value",
    ),
    (
        429,
        "THROTTLED",
        "temporarily_unavailable",
        "Too many attempts; Retry-After has the time to wait",
    ),
];

const OF_CREDENTIALS: Error = (
    401,
    "TOKEN_EXPIRED",
    "invalid_client",
    "The credential is missing or invalid; the reason says why",
);

const OF_ORIGIN_AND_SCOPE: Error = (
    403,
    "FOREIGN_ORIGIN",
    "",
    "A scope is missing, or a page of another origin sent the request",
);

const OF_BARE_CHANGES: [Error; 2] = [
    (400, "INVALID_REQUEST", "", "The request is invalid"),
    (
        415,
        "INVALID_REQUEST",
        "",
        "With a cookie the content type must be application/json",
    ),
];

const OF_STREAMS: [Error; 2] = [
    (400, "INVALID_REQUEST", "", "A parameter is missing"),
    (
        404,
        "STREAM_NOT_FOUND",
        "",
        "The OAuth client has no such stream",
    ),
];

fn errors(is_read: bool, operation: &Operation) -> Vec<Error> {
    let has_body = operation.request_body.is_some();
    let mut errors = ALWAYS.to_vec();
    if has_body {
        errors.extend(OF_BODIES);
    } else if !is_read {
        errors.extend(OF_BARE_CHANGES);
    }
    let is_forward_auth = has_tag(operation, FORWARD_AUTH_TAG);
    if (operation.security.is_some() || has_body) && !is_forward_auth {
        errors.push(OF_CREDENTIALS);
    }
    if !is_read || (takes_access_token(operation) && !is_forward_auth) {
        errors.push(OF_ORIGIN_AND_SCOPE);
    }
    if has_tag(operation, "signals") && takes_access_token(operation) {
        errors.extend(OF_STREAMS);
    }
    errors
}

/// The tag of forward auth, whose responses have no body.
const FORWARD_AUTH_TAG: &str = "proxies";

fn has_tag(operation: &Operation, tag: &str) -> bool {
    let mut tags = operation.tags.iter().flatten();
    tags.any(|one| one == tag)
}

fn takes_access_token(operation: &Operation) -> bool {
    let mut schemes = operation.security.iter().flatten();
    let bearer = SecurityRequirement::new("bearer", [] as [&str; 0]);
    schemes.any(|scheme| *scheme == bearer)
}

/// Whether errors have the form of RFC 6749 §5.2: those of the endpoints that take a form.
fn has_oauth_errors(operation: &Operation) -> bool {
    has_tag(operation, "oauth") && operation.request_body.is_some()
}

fn add(operation: &mut Operation, (status, reason, oauth_error, description): Error) {
    let is_oauth = has_oauth_errors(operation) && !oauth_error.is_empty();
    let title = StatusCode::from_u16(status).ok();
    let title = title.and_then(|status| status.canonical_reason());
    let (schema, media_type, example) = if is_oauth {
        let example = json!({"error": oauth_error, "error_description": description});
        ("OauthError", "application/json", example)
    } else {
        let example = json!({
            "type": "about:blank",
            "title": title,
            "status": status,
            "reason": reason,
            "detail": description,
        });
        ("Problem", "application/problem+json", example)
    };
    let mut response = ResponseBuilder::new().description(description);
    if !has_tag(operation, FORWARD_AUTH_TAG) {
        let schema = Some(Ref::from_schema_name(schema));
        let content = ContentBuilder::new().schema(schema).example(Some(example));
        response = response.content(media_type, content.build());
    }
    let responses = &mut operation.responses.responses;
    responses
        .entry(status.to_string())
        .or_insert_with(|| response.build().into());
}

/// The document, with the cookie name of this installation.
pub(in crate::http) async fn document(
    State(names): State<Arc<CookieNames>>,
) -> ([(HeaderName, &'static str); 1], Json<OpenApiDocument>) {
    let mut document = DOCUMENT.clone();
    name_cookie(&mut document, &names);
    ([CACHED], Json(document))
}
