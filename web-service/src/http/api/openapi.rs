//! `GET /api/openapi.json`: the contract of the JSON routes, made from the handlers themselves.

use std::sync::LazyLock;

use axum::{
    Json,
    http::{HeaderName, header},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, HttpMethod, OpenApi as Document, Ref, ResponseBuilder,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::problem;
use crate::http::{api, oauth, verify};

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
        verify::show,
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
        let cookie = ApiKey::Cookie(ApiKeyValue::new("__Host-session"));
        components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
        components.add_security_scheme("client", http(HttpAuthScheme::Basic));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// What can go wrong, by what an operation takes: the same everywhere, and so said once.
struct Errors;

impl Modify for Errors {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                let is_read = matches!(method, HttpMethod::Get);
                for (status, description) in errors(path, is_read, operation) {
                    add(operation, path, status, description);
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

fn errors(path: &str, is_read: bool, operation: &Operation) -> Vec<(u16, &'static str)> {
    let mut errors = vec![
        (500, "A fault of the services"),
        (
            503,
            "A part of the service does not answer, or has too much to do; Retry-After says when to come back",
        ),
    ];
    if operation.request_body.is_some() {
        errors.extend([
            (400, "The body or a parameter cannot be read or met"),
            (413, "The body is larger than 64 KiB"),
            (415, "The content type is another"),
            (422, "A field is missing or has a value it cannot have"),
            (429, "Too many attempts; Retry-After says when to come back"),
        ]);
    }
    let is_proved = operation.security.is_some() || operation.request_body.is_some();
    if is_proved && path != "/auth/verify" {
        errors.push((
            401,
            "The credential is missing or does not hold; the reason says why",
        ));
    }
    if !is_read || path == "/api/logins" || path == "/api/profile" {
        errors.push((403, "A scope is missing, or a page of another origin asks"));
    }
    if !is_read && operation.request_body.is_none() {
        errors.push((
            415,
            "With a cookie the content type must be application/json",
        ));
        errors.push((400, "What was sent cannot be met"));
    }
    errors
}

fn add(operation: &mut Operation, path: &str, status: u16, description: &str) {
    let is_oauth = path.starts_with("/oauth2/");
    let (schema, media_type) = match path {
        "/auth/verify" => (None, ""),
        _ if is_oauth && status != 403 => (Some("OauthError"), "application/json"),
        _ => (Some("Problem"), "application/problem+json"),
    };
    let mut response = ResponseBuilder::new().description(description);
    if let Some(schema) = schema {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
        response = response.content(media_type, content.build());
    }
    let responses = &mut operation.responses.responses;
    responses
        .entry(status.to_string())
        .or_insert_with(|| response.build().into());
}

/// The document.
pub(in crate::http) async fn document() -> ([(HeaderName, &'static str); 1], Json<&'static Document>)
{
    ([CACHED], Json(&DOCUMENT))
}
