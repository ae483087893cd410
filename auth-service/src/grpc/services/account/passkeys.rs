//! The owner's passkeys: `StartPasskeyRegistration`, `FinishPasskeyRegistration`, `RenamePasskey`.

use auth_proto::v1::{
    FinishPasskeyRegistrationRequest, FinishPasskeyRegistrationResponse, RenamePasskeyRequest,
    RenamePasskeyResponse, StartPasskeyRegistrationRequest, StartPasskeyRegistrationResponse,
};
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::account::AccountApi};

pub(super) async fn start(
    api: &AccountApi,
    request: Request<StartPasskeyRegistrationRequest>,
) -> Result<StartPasskeyRegistrationResponse, Status> {
    let owner = api.owner(&request).await?;
    let authentication = &api.identity.authentication;
    let started = authentication.start_passkey_registration(&owner).await;
    Ok(encode::passkey_registration(started.or_status()?))
}

pub(super) async fn finish(
    api: &AccountApi,
    mut request: Request<FinishPasskeyRegistrationRequest>,
) -> Result<FinishPasskeyRegistrationResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let message = request.into_inner();
    let label = decode::passkey_label(&message.label)?;
    let registration = (&*message.registration, &*message.response);
    let authentication = &api.identity.authentication;
    let id = authentication.finish_passkey_registration(&owner, registration, label, &context);
    Ok(FinishPasskeyRegistrationResponse {
        factor_id: id.await.or_status()?.to_string(),
    })
}

pub(super) async fn rename(
    api: &AccountApi,
    mut request: Request<RenamePasskeyRequest>,
) -> Result<RenamePasskeyResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let message = request.into_inner();
    let id = decode::factor_id(&message.factor_id)?;
    let label = decode::passkey_label(&message.label)?;
    let authentication = &api.identity.authentication;
    let renamed = authentication.rename_passkey(&owner, id, label, &context);
    renamed.await.or_status()?;
    Ok(RenamePasskeyResponse {})
}
