//! `GET /api/account/trusted-browsers` and `DELETE /api/account/trusted-browsers/{id}`: the browsers in which the second factor is not asked for.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_client::{AuthClient, TrustedBrowser};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::caller::ApiCaller,
    time::{Rfc3339, rfc3339},
};

/// The trusted browsers of the account.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"browsers": [{"id": "0b9d6f5e-1f5f-4b7e-9a25-5f7cf3c7d1aa", "user_agent": "Mozilla/5.0", "bound": true, "created_at": "2027-01-01T12:00:00Z", "last_used_at": null, "expires_at": "2027-01-31T12:00:00Z"}]}))]
pub(in crate::http) struct TrustedBrowserList {
    /// The latest first.
    browsers: Vec<TrustedBrowserResponse>,
}

/// A browser in which the second factor is not asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = TrustedBrowser, example = json!({"id": "0b9d6f5e-1f5f-4b7e-9a25-5f7cf3c7d1aa", "user_agent": null, "bound": false, "created_at": "2027-01-01T12:00:00Z", "last_used_at": "2027-01-02T12:00:00Z", "expires_at": "2027-01-31T12:00:00Z"}))]
struct TrustedBrowserResponse {
    id: String,
    user_agent: Option<String>,
    /// Whether it is trusted with a proof of its device's key only.
    bound: bool,
    #[schema(value_type = String)]
    created_at: Rfc3339,
    #[schema(value_type = Option<String>)]
    last_used_at: Option<Rfc3339>,
    #[schema(value_type = String)]
    expires_at: Rfc3339,
}

impl From<TrustedBrowser> for TrustedBrowserResponse {
    fn from(browser: TrustedBrowser) -> Self {
        Self {
            id: browser.id,
            user_agent: browser.user_agent,
            bound: browser.is_bound,
            created_at: rfc3339(browser.created_at),
            last_used_at: browser.last_used_at.map(rfc3339),
            expires_at: rfc3339(browser.expires_at),
        }
    }
}

/// Lists the browsers in which the second factor is not asked for.
#[utoipa::path(
    get,
    path = "/api/account/trusted-browsers",
    tag = "account",
    operation_id = "trusted_browsers",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The browsers", body = TrustedBrowserList)),
)]
pub(in crate::http) async fn list(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<TrustedBrowserList>, Problem> {
    let browsers = auth.trusted_browsers(&caller.authorization).await;
    let browsers = caller.result(browsers)?.into_iter();
    Ok(Json(TrustedBrowserList {
        browsers: browsers.map(TrustedBrowserResponse::from).collect(),
    }))
}

/// Ends the trust of a browser, which needs no recent authentication: the second factor is asked for there again.
#[utoipa::path(
    delete,
    path = "/api/account/trusted-browsers/{id}",
    tag = "account",
    operation_id = "end_trusted_browser",
    params(("id" = String, Path, description = "The browser")),
    security(("cookie" = []), ("bearer" = [])),
    responses(
        (status = 204, description = "It is not trusted any more"),
        (status = 404, description = "The account trusts no such browser", body = crate::http::api::problem::Body<'_>, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn end(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let ended = auth.end_trusted_browser(&caller.authorization, &id, &caller.client);
    caller.result(ended.await)?;
    Ok(StatusCode::NO_CONTENT)
}
