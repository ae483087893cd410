//! `ReportDevice`: web-service reports events of the device that a session is bound to.

use auth_proto::v1::{ReportDeviceRequest, ReportDeviceResponse};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::take_context, decode, errors::OrStatus as _, services::auth::AuthApi,
};

pub(super) async fn report_device(
    api: &AuthApi,
    mut request: Request<ReportDeviceRequest>,
) -> Result<ReportDeviceResponse, Status> {
    let context = take_context(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let event = decode::device_event(message.event(), message.end_login)?;
    let logins = &api.identity.logins;
    let reported = logins.report_device(&message.refresh_token, event, &context);
    reported.await.or_status()?;
    Ok(ReportDeviceResponse {
        revocation_sequence: api.revocation_sequence().await,
    })
}
