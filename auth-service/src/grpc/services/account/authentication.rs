//! `Reauthenticate` and `ChangePassword`: operations that verify the owner's password.

use auth_proto::v1::{
    ChangePasswordRequest, ChangePasswordResponse, ReauthenticateRequest, ReauthenticateResponse,
};
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::account::AccountApi};

pub(super) async fn reauthenticate(
    api: &AccountApi,
    mut request: Request<ReauthenticateRequest>,
) -> Result<ReauthenticateResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let password = decode::password(&request.into_inner().password)?;
    let authentication = &api.identity.authentication;
    let reauthenticated = authentication.reauthenticate(&owner, &password, &context);
    Ok(encode::reauthenticated(reauthenticated.await.or_status()?))
}

pub(super) async fn change_password(
    api: &AccountApi,
    mut request: Request<ChangePasswordRequest>,
) -> Result<ChangePasswordResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let message = request.into_inner();
    let current = decode::password(&message.current_password)?;
    let changed = api
        .identity
        .authentication
        .change_password(&owner, &current, &message.new_password, &context)
        .await;
    let login = changed.or_status()?.login.or_status()?;
    let revocation_sequence = api.feed.revocation_sequence().await;
    Ok(encode::password_changed(login, revocation_sequence))
}
