//! `ListBrowserOrigins`: the origins that endpoints of OAuth accept requests of pages from.

use auth_proto::v1::{ListBrowserOriginsRequest, ListBrowserOriginsResponse};
use tonic::{Request, Status};

use crate::grpc::{errors::OrStatus as _, services::authorization::AuthorizationApi};

pub(super) async fn list(
    api: &AuthorizationApi,
    _: Request<ListBrowserOriginsRequest>,
) -> Result<ListBrowserOriginsResponse, Status> {
    let origins = api.identity.authorizations.browser_origins().await;
    Ok(ListBrowserOriginsResponse {
        origins: origins.or_status()?.into_iter().collect(),
    })
}
