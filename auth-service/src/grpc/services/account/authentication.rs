//! `Reauthenticate` and `ChangePassword`: operations that verify the owner's password.

use auth_proto::v1::{
    ChangePasswordRequest, ChangePasswordResponse, ReauthenticateRequest, ReauthenticateResponse,
};
use holdfast_identity::{
    audit::AuditKind,
    authentication::{ChangePasswordError, ReauthenticateError},
};
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject, decode, encode, errors::OrStatus as _, services::account::AccountApi,
};

pub(super) async fn reauthenticate(
    api: &AccountApi,
    mut request: Request<ReauthenticateRequest>,
) -> Result<ReauthenticateResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let password = decode::password(&request.into_inner().password)?;
    let address = context.client.ip_address;
    let outcome = api
        .identity
        .authentication
        .reauthenticate(&owner, &password, address)
        .await;
    let kind = match &outcome {
        Ok(_) => Some(AuditKind::Reauthenticated),
        Err(ReauthenticateError::InvalidCredentials) => Some(AuditKind::ReauthenticationRefused),
        Err(ReauthenticateError::Throttled(throttled)) if throttled.is_first => {
            Some(AuditKind::ReauthenticationThrottled)
        }
        Err(_) => None,
    };
    if let Some(kind) = kind {
        let subject = AuditSubject::caller(&owner);
        api.audit.record(kind, subject, context.source());
    }
    Ok(encode::reauthenticated(outcome.or_status()?))
}

pub(super) async fn change_password(
    api: &AccountApi,
    mut request: Request<ChangePasswordRequest>,
) -> Result<ChangePasswordResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let source = context.source();
    let message = request.into_inner();
    let current = decode::password(&message.current_password)?;
    let outcome = api
        .identity
        .authentication
        .change_password(&owner, &current, &message.new_password, context.client)
        .await;
    let kind = match &outcome {
        Ok(_) => Some(AuditKind::PasswordChanged),
        Err(ChangePasswordError::InvalidCredentials) => Some(AuditKind::PasswordChangeRefused),
        Err(ChangePasswordError::Throttled(throttled)) if throttled.is_first => {
            Some(AuditKind::PasswordChangeThrottled)
        }
        Err(_) => None,
    };
    if let Some(kind) = kind {
        api.audit.record(kind, AuditSubject::caller(&owner), source);
    }
    let login = outcome.or_status()?.login.or_status()?;
    let revocation_sequence = api.feed.revocation_sequence().await;
    Ok(encode::password_changed(login, revocation_sequence))
}
