//! `Login`: verifies username and password, and starts a login.

use auth_proto::v1::{LoginRequest, LoginResponse};
use holdfast_identity::{
    audit::AuditKind,
    authentication::{LoginAttempt, SignInError, SignedIn},
    error::Fault,
};
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject, call_context::CallContext, decode, encode, errors::OrStatus as _,
    services::auth::AuthApi,
};

pub(super) async fn login(
    api: &AuthApi,
    mut request: Request<LoginRequest>,
) -> Result<LoginResponse, Status> {
    let context = CallContext::take(&mut request, &api.service_identity)?;
    let form = context.sign_in_form(&request);
    let source = context.source();
    let LoginRequest {
        username, password, ..
    } = request.into_inner();
    let attempt = LoginAttempt {
        password: decode::password(&password)?,
        username,
        client: context.client,
        form,
    };
    let outcome = api.identity.authentication.sign_in(attempt).await;
    if let Ok(SignedIn { user, ended, .. }) = &outcome {
        for sid in ended {
            let subject = AuditSubject::login(user.id, *sid);
            api.audit
                .record(AuditKind::SurplusEnded, subject, source.clone());
        }
    }
    if let Some((kind, subject)) = event_of(&outcome) {
        api.audit.record(kind, subject, source);
    }
    Ok(encode::signed_in(outcome.or_status()?))
}

fn event_of(outcome: &Result<SignedIn, SignInError>) -> Option<(AuditKind, AuditSubject)> {
    match outcome {
        Ok(signed_in) if signed_in.is_repeated => None,
        Ok(signed_in) => Some((
            AuditKind::SignedIn,
            AuditSubject::login(signed_in.user.id, signed_in.sid),
        )),
        Err(SignInError::InvalidCredentials(user)) => {
            Some((AuditKind::SignInRefused, AuditSubject::attempted(*user)))
        }
        Err(SignInError::Throttled(throttled, user)) if throttled.is_first => {
            Some((AuditKind::SignInThrottled, AuditSubject::attempted(*user)))
        }
        Err(SignInError::Fault(Fault::Overloaded { .. })) => {
            Some((AuditKind::SignInOverloaded, AuditSubject::default()))
        }
        Err(SignInError::Throttled(..) | SignInError::Fault(_)) => None,
    }
}
