//! `ReportDevice`: web-service reports events of the device that a session is bound to.

use auth_proto::v1::{ReportDeviceRequest, ReportDeviceResponse};
use holdfast_identity::{audit::AuditKind, login::DeviceEvent};
use tonic::{Request, Status};

use crate::grpc::{
    audit::AuditSubject, call_context::CallContext, decode, errors::OrStatus as _,
    services::auth::AuthApi,
};

pub(super) async fn report_device(
    api: &AuthApi,
    mut request: Request<ReportDeviceRequest>,
) -> Result<ReportDeviceResponse, Status> {
    api.service_identity.require(&request)?;
    let context = CallContext::take(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let event = decode::device_event(message.event(), message.end_login)?;
    let reported = api
        .identity
        .logins
        .report_device(&message.refresh_token, event);
    let (user, sid) = reported.await.or_status()?;
    let kind = match event {
        DeviceEvent::Bound => AuditKind::DeviceBound,
        DeviceEvent::ProofRefused => AuditKind::DeviceProofRefused,
        DeviceEvent::TheftSuspected { .. } => AuditKind::TheftSuspected,
    };
    let subject = AuditSubject::login(user, sid);
    api.audit.record(kind, subject, context.source());
    Ok(ReportDeviceResponse {
        revocation_sequence: api.revocation_sequence().await,
    })
}
