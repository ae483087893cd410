//! `RemovePassword` and `AddPassword`: accounts without a password, and back.

use auth_proto::v1::{
    AddPasswordRequest, AddPasswordResponse, RemovePasswordRequest, RemovePasswordResponse,
};
use tonic::{Request, Status};

use crate::grpc::{errors::OrStatus as _, services::account::AccountApi};

pub(super) async fn remove(
    api: &AccountApi,
    mut request: Request<RemovePasswordRequest>,
) -> Result<RemovePasswordResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let authentication = &api.identity.authentication;
    let removed = authentication.remove_password(&owner, &context).await;
    removed.or_status()?;
    Ok(RemovePasswordResponse {
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}

pub(super) async fn add(
    api: &AccountApi,
    mut request: Request<AddPasswordRequest>,
) -> Result<AddPasswordResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let password = request.into_inner().password;
    let authentication = &api.identity.authentication;
    let added = authentication.add_password(&owner, &password, &context);
    added.await.or_status()?;
    Ok(AddPasswordResponse {})
}
