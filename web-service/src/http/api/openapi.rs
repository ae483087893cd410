//! `GET /api/openapi.json`: the contract of the JSON routes, made from the handlers themselves.

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
        ContentBuilder, HttpMethod, OpenApi as Document, Ref, ResponseBuilder,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{
    http::{
        api::{self, problem},
        forward_auth, oauth,
    },
    request::cookie_names::CookieNames,
};

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

#[derive(OpenApi)]
#[openapi(
    info(title = "Holdfast", description = "Sign-in for applications: tokens, sessions, and the standard endpoints of OAuth 2.0."),
    paths(
        api::login::submit,
        api::refresh::submit,
        api::logout::submit,
        api::profile::show,
        api::session::show,
        api::reauthenticate::submit,
        api::session_token::submit,
        api::logins::list,
        api::logins::end,
        api::logins::end_others,
        oauth::token::submit,
        oauth::introspect::submit,
        oauth::revoke::submit,
        oauth::metadata::show,
        api::jwks::show,
        forward_auth::show,
    ),
    components(schemas(problem::Body<'_>, oauth::error::Body<'_>)),
    modifiers(&Security, &Errors),
)]
struct Contract;

pub(super) static DOCUMENT: LazyLock<Document> = LazyLock::new(Contract::openapi);

/// How callers prove who they are.
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
        components.add_security_scheme("client", http(HttpAuthScheme::Basic));
        name_cookie(document, &CookieNames::default());
    }
}

fn name_cookie(document: &mut Document, names: &CookieNames) {
    let components = document.components.get_or_insert_default();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(&*names.session));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
}

/// What can go wrong, by what an operation takes: the same everywhere, and so said once.
struct Errors;

impl Modify for Errors {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let is_read = matches!(method, HttpMethod::Get);
                for error in errors(path, is_read, operation) {
                    add(operation, path, error);
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let get = item.get.as_mut().map(|one| (HttpMethod::Get, one));
    let post = item.post.as_mut().map(|one| (HttpMethod::Post, one));
    let delete = item.delete.as_mut().map(|one| (HttpMethod::Delete, one));
    get.into_iter().chain(post).chain(delete)
}

/// A way to fail: status, reason in our terms and in those of OAuth, and what it means.
type Error = (u16, &'static str, &'static str, &'static str);

const ALWAYS: [Error; 2] = [
    (500, "INTERNAL", "server_error", "A fault of the services"),
    (
        503,
        "AUTH_UNAVAILABLE",
        "temporarily_unavailable",
        "A part of the service does not answer, or has too much to do; Retry-After says when to come back",
    ),
];

const OF_BODIES: [Error; 5] = [
    (
        400,
        "INVALID_REQUEST",
        "invalid_grant",
        "The body or a parameter cannot be read or met",
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
        "The content type is another",
    ),
    (
        422,
        "INVALID_REQUEST",
        "invalid_request",
        "A field is missing or has a value it cannot have",
    ),
    (
        429,
        "THROTTLED",
        "temporarily_unavailable",
        "Too many attempts; Retry-After says when to come back",
    ),
];

const OF_CREDENTIALS: Error = (
    401,
    "TOKEN_EXPIRED",
    "invalid_client",
    "The credential is missing or does not hold; the reason says why",
);

const OF_ORIGIN_AND_SCOPE: Error = (
    403,
    "FOREIGN_ORIGIN",
    "",
    "A scope is missing, or a page of another origin asks",
);

const OF_BARE_CHANGES: [Error; 2] = [
    (400, "INVALID_REQUEST", "", "What was sent cannot be met"),
    (
        415,
        "INVALID_REQUEST",
        "",
        "With a cookie the content type must be application/json",
    ),
];

fn errors(path: &str, is_read: bool, operation: &Operation) -> Vec<Error> {
    let has_body = operation.request_body.is_some();
    let mut errors = ALWAYS.to_vec();
    if has_body {
        errors.extend(OF_BODIES);
    } else if !is_read {
        errors.extend(OF_BARE_CHANGES);
    }
    if (operation.security.is_some() || has_body) && path != "/auth/verify" {
        errors.push(OF_CREDENTIALS);
    }
    if !is_read || path == "/api/logins" || path == "/api/profile" {
        errors.push(OF_ORIGIN_AND_SCOPE);
    }
    errors
}

fn add(operation: &mut Operation, path: &str, (status, reason, oauth_error, words): Error) {
    let is_oauth = path.starts_with("/oauth2/") && !oauth_error.is_empty();
    let title = StatusCode::from_u16(status).ok();
    let title = title.and_then(|status| status.canonical_reason());
    let (schema, media_type, example) = if is_oauth {
        let example = json!({"error": oauth_error, "error_description": words});
        ("OauthError", "application/json", example)
    } else {
        let example = json!({
            "type": "about:blank",
            "title": title,
            "status": status,
            "reason": reason,
            "detail": words,
        });
        ("Problem", "application/problem+json", example)
    };
    let mut response = ResponseBuilder::new().description(words);
    if path != "/auth/verify" {
        let schema = Some(Ref::from_schema_name(schema));
        let content = ContentBuilder::new().schema(schema).example(Some(example));
        response = response.content(media_type, content.build());
    }
    let responses = &mut operation.responses.responses;
    responses
        .entry(status.to_string())
        .or_insert_with(|| response.build().into());
}

/// The document, with the cookie's name here.
pub(in crate::http) async fn document(
    State(names): State<Arc<CookieNames>>,
) -> ([(HeaderName, &'static str); 1], Json<Document>) {
    let mut document = DOCUMENT.clone();
    name_cookie(&mut document, &names);
    ([CACHED], Json(document))
}
