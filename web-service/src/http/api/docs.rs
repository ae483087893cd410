//! `GET /api/docs`: the OpenAPI document as a page, without scripts.

use std::sync::LazyLock;

use askama::Template;
use axum::{
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use holdfast_core::rate_limited_log::LogRateLimiter;
use serde_json::Value;

use crate::http::api::openapi::DOCUMENT;

static RENDER_FAULTS: LogRateLimiter = LogRateLimiter::new("page.render_failed");

const CACHED: (HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    operations: Vec<Operation>,
}

/// An operation as the page shows it.
struct Operation {
    method: String,
    path: String,
    summary: String,
    credentials: String,
    parameters: Vec<(String, String)>,
    request: String,
    responses: Vec<ResponseRow>,
}

/// A response of an operation.
struct ResponseRow {
    status: String,
    description: String,
    example: String,
}

static PAGE: LazyLock<Result<String, askama::Error>> = LazyLock::new(|| {
    let document = serde_json::to_value(&*DOCUMENT).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(|(method, one)| operation(&document, (method, path), one))
    });
    let docs = Docs {
        operations: operations.collect(),
    };
    docs.render()
});

/// The page, rendered once.
pub(in crate::http) async fn show() -> Response {
    match &*PAGE {
        Ok(html) => ([CACHED], Html(html.as_str())).into_response(),
        Err(error) => {
            RENDER_FAULTS
                .log(|pages| tracing::error!(event = "page.render_failed", %error, pages, "a page could not be rendered; responding 500"));
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn operation(document: &Value, (method, path): (&str, &str), operation: &Value) -> Operation {
    let security = operation["security"].as_array().into_iter().flatten();
    let credentials = security.flat_map(|one| one.as_object().into_iter().flatten());
    let credentials: Vec<_> = credentials.map(|(name, _)| name.as_str()).collect();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let responses = operation["responses"].as_object().into_iter().flatten();
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        credentials: credentials.join(" or "),
        parameters: parameters
            .map(|one| (text(&one["name"]), text(&one["description"])))
            .collect(),
        request: example(document, &operation["requestBody"]["content"]),
        responses: responses
            .map(|(status, one)| ResponseRow {
                status: status.clone(),
                description: text(&one["description"]),
                example: example(document, &one["content"]),
            })
            .collect(),
    }
}

/// The example of the content, or of the schema that it references.
fn example(document: &Value, content: &Value) -> String {
    let content = content
        .as_object()
        .and_then(|content| content.values().next());
    let own = content.map(|content| content["example"].clone());
    if let Some(own) = own.filter(|own| !own.is_null()) {
        return own.to_string();
    }
    let reference = content.and_then(|content| content["schema"]["$ref"].as_str());
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    let schema = pointer.and_then(|pointer| document.pointer(pointer));
    let example = schema.map(|schema| schema["example"].to_string());
    example
        .filter(|example| example != "null")
        .unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
