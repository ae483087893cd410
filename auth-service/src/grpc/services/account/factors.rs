//! The owner's factors: `GetSecurityOverview`, `StartTotpEnrolment`, `ConfirmTotpEnrolment`, `RemoveFactor`, `CreateRecoveryCodes`.

use auth_proto::v1::{
    ConfirmTotpEnrolmentRequest, ConfirmTotpEnrolmentResponse, CreateRecoveryCodesRequest,
    CreateRecoveryCodesResponse, GetSecurityOverviewRequest, GetSecurityOverviewResponse,
    RemoveFactorRequest, RemoveFactorResponse, StartTotpEnrolmentRequest,
    StartTotpEnrolmentResponse,
};
use holdfast_identity::account::ChangeAccountError;
use tonic::{Request, Status};

use crate::grpc::{
    decode, encode,
    errors::{IntoStatus as _, OrStatus as _},
    services::account::AccountApi,
};

pub(super) async fn overview(
    api: &AccountApi,
    request: Request<GetSecurityOverviewRequest>,
) -> Result<GetSecurityOverviewResponse, Status> {
    let owner = api.owner(&request).await?;
    let overview = api.identity.authentication.security_overview(&owner).await;
    let overview = overview.or_status()?;
    let overview = overview.ok_or_else(|| ChangeAccountError::NotFound.into_status())?;
    Ok(encode::security_overview(overview))
}

pub(super) async fn start_totp(
    api: &AccountApi,
    request: Request<StartTotpEnrolmentRequest>,
) -> Result<StartTotpEnrolmentResponse, Status> {
    let owner = api.owner(&request).await?;
    let started = api.identity.authentication.start_totp_enrolment(&owner);
    Ok(encode::totp_enrolment(started.await.or_status()?))
}

pub(super) async fn confirm_totp(
    api: &AccountApi,
    mut request: Request<ConfirmTotpEnrolmentRequest>,
) -> Result<ConfirmTotpEnrolmentResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let ConfirmTotpEnrolmentRequest {
        enrolment, code, ..
    } = request.into_inner();
    let code = decode::first_code(&code)?;
    let authentication = &api.identity.authentication;
    let confirmed = authentication.confirm_totp_enrolment(&owner, &enrolment, code, &context);
    confirmed.await.or_status()?;
    Ok(ConfirmTotpEnrolmentResponse {
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}

pub(super) async fn remove(
    api: &AccountApi,
    mut request: Request<RemoveFactorRequest>,
) -> Result<RemoveFactorResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let id = decode::factor_id(&request.into_inner().factor_id)?;
    let authentication = &api.identity.authentication;
    let removed = authentication.remove_factor(&owner, id, &context).await;
    removed.or_status()?;
    Ok(RemoveFactorResponse {
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}

pub(super) async fn create_recovery_codes(
    api: &AccountApi,
    mut request: Request<CreateRecoveryCodesRequest>,
) -> Result<CreateRecoveryCodesResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let authentication = &api.identity.authentication;
    let codes = authentication.create_recovery_codes(&owner, &context).await;
    let codes = codes.or_status()?;
    Ok(CreateRecoveryCodesResponse {
        codes: codes.iter().map(|code| code.expose().to_string()).collect(),
    })
}
