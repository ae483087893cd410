//! `ListApplications` and `EndApplication`: the applications that the owner has signed in to.

use auth_proto::v1::{
    EndApplicationRequest, EndApplicationResponse, ListApplicationsRequest,
    ListApplicationsResponse,
};
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::account::AccountApi};

pub(super) async fn list(
    api: &AccountApi,
    request: Request<ListApplicationsRequest>,
) -> Result<ListApplicationsResponse, Status> {
    let owner = api.owner(&request).await?;
    let consents = api.identity.logins.own_consents(&owner).await.or_status()?;
    let applications = consents.iter().map(encode::application);
    Ok(ListApplicationsResponse {
        applications: applications.collect(),
    })
}

pub(super) async fn end(
    api: &AccountApi,
    mut request: Request<EndApplicationRequest>,
) -> Result<EndApplicationResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let client = decode::application(&request.into_inner().client_id)?;
    let logins = &api.identity.logins;
    let ended = logins.end_own_consent(&owner, &client, &context).await;
    ended.or_status()?;
    Ok(EndApplicationResponse {
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}
