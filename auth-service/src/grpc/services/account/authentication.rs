//! `Reauthenticate` in one call or in steps, and `ChangePassword`: operations that authenticate the owner again.

use auth_proto::v1::{
    ChangePasswordRequest, ChangePasswordResponse, ContinueReauthenticationRequest,
    ContinueReauthenticationResponse, ReauthenticateRequest, ReauthenticateResponse,
    StartReauthenticationRequest, StartReauthenticationResponse,
    continue_reauthentication_response, start_reauthentication_response,
};
use holdfast_identity::authentication::{
    AuthenticationState, AuthenticationStep, SufficientAuthentication,
};
use tonic::{Request, Status};

use crate::grpc::{
    decode, encode,
    errors::{OrStatus as _, completed},
    services::account::AccountApi,
};

pub(super) async fn reauthenticate(
    api: &AccountApi,
    mut request: Request<ReauthenticateRequest>,
) -> Result<ReauthenticateResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let password = decode::password(&request.into_inner().password)?;
    let step = Some(AuthenticationStep::Password(password));
    let authentication = &api.identity.authentication;
    let sufficient = SufficientAuthentication::NEVER;
    let started = authentication.start_reauthentication(&owner, sufficient, step, &context);
    let latest = completed(started.await.or_status()?)?;
    Ok(encode::reauthenticated(&latest))
}

pub(super) async fn start_reauthentication(
    api: &AccountApi,
    mut request: Request<StartReauthenticationRequest>,
) -> Result<StartReauthenticationResponse, Status> {
    use start_reauthentication_response::Result::{Done, Next};

    let (owner, context) = api.owner_in_context(&mut request).await?;
    let message = request.into_inner();
    let sufficient = SufficientAuthentication {
        max_age: decode::duration("max_age", message.max_age)?,
        min_level: decode::level("acr", message.acr)?,
    };
    let step = decode::step(message.step)?;
    let authentication = &api.identity.authentication;
    let started = authentication.start_reauthentication(&owner, sufficient, step, &context);
    let result = match started.await.or_status()? {
        AuthenticationState::Done(latest) => Done(encode::reauthenticated(&latest)),
        AuthenticationState::Next(next) => Next(encode::next_steps(next)),
    };
    Ok(StartReauthenticationResponse {
        result: Some(result),
    })
}

pub(super) async fn continue_reauthentication(
    api: &AccountApi,
    mut request: Request<ContinueReauthenticationRequest>,
) -> Result<ContinueReauthenticationResponse, Status> {
    use continue_reauthentication_response::Result::{Done, Next};

    let (owner, context) = api.owner_in_context(&mut request).await?;
    let ContinueReauthenticationRequest { attempt, step, .. } = request.into_inner();
    let step = decode::next_step(step)?;
    let authentication = &api.identity.authentication;
    let continued = authentication.continue_reauthentication(&owner, &attempt, step, &context);
    let result = match continued.await.or_status()? {
        AuthenticationState::Done(latest) => Done(encode::reauthenticated(&latest)),
        AuthenticationState::Next(next) => Next(encode::next_steps(next)),
    };
    Ok(ContinueReauthenticationResponse {
        result: Some(result),
    })
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
