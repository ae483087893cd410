//! `GET /api/applications` and `DELETE /api/applications/{client_id}`: the applications that the account's owner has signed in to.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use holdfast_client::{Application, AuthClient};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    api::problem::Problem,
    extract::caller::ApiCaller,
    time::{Rfc3339, rfc3339},
};

/// The applications, the latest used first.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"applications": [{"client_id": "shop", "name": "Shop", "scope": "openid profile", "granted_at": "2027-01-01T12:00:00Z", "last_used_at": "2027-01-01T12:00:00Z"}]}))]
pub(in crate::http) struct Applications {
    applications: Vec<ApplicationResponse>,
}

/// An application that the account's owner has signed in to.
#[derive(Serialize, ToSchema)]
#[schema(as = Application, example = json!({"client_id": "shop", "name": "Shop", "scope": "openid profile", "granted_at": "2027-01-01T12:00:00Z", "last_used_at": "2027-01-01T12:00:00Z"}))]
struct ApplicationResponse {
    client_id: String,
    name: String,
    /// What it may have.
    scope: String,
    #[schema(value_type = String)]
    granted_at: Rfc3339,
    /// Time of the latest sign-in to it, or of the latest refresh.
    #[schema(value_type = String)]
    last_used_at: Rfc3339,
}

impl From<Application> for ApplicationResponse {
    fn from(application: Application) -> Self {
        Self {
            client_id: application.client_id,
            name: application.name,
            scope: application.scope,
            granted_at: rfc3339(application.granted_at),
            last_used_at: rfc3339(application.last_used_at),
        }
    }
}

/// Lists the applications that the account's owner has signed in to.
#[utoipa::path(
    get,
    path = "/api/applications",
    tag = "logins",
    operation_id = "applications",
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 200, description = "The applications", body = Applications)),
)]
pub(in crate::http) async fn list(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
) -> Result<Json<Applications>, Problem> {
    let applications = auth.applications(&caller.authorization).await;
    let applications = caller.result(applications)?.into_iter();
    Ok(Json(Applications {
        applications: applications.map(ApplicationResponse::from).collect(),
    }))
}

/// Ends what an application has access to, in every login, and revokes its tokens. It has to ask for consent again.
#[utoipa::path(
    delete,
    path = "/api/applications/{client_id}",
    tag = "logins",
    operation_id = "end_application",
    params(("client_id" = String, Path, description = "The application")),
    security(("cookie" = []), ("bearer" = [])),
    responses((status = 204, description = "It has ended"), (status = 404, description = "The account's owner has not signed in to it", body = crate::http::api::problem::Body, content_type = "application/problem+json")),
)]
pub(in crate::http) async fn end(
    State(auth): State<AuthClient>,
    caller: ApiCaller,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let ended = auth
        .end_application(&caller.authorization, &client_id, &caller.client)
        .await;
    caller.result(ended)?;
    Ok(StatusCode::NO_CONTENT)
}
