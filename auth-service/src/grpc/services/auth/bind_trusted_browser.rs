//! `BindTrustedBrowser`: binds the trust of a browser to the key of its device.

use auth_proto::v1::{BindTrustedBrowserRequest, BindTrustedBrowserResponse};
use tonic::{Request, Status};

use crate::grpc::{
    call_context::take_context, decode, errors::OrStatus as _, services::auth::AuthApi,
};

pub(super) async fn bind_trusted_browser(
    api: &AuthApi,
    mut request: Request<BindTrustedBrowserRequest>,
) -> Result<BindTrustedBrowserResponse, Status> {
    let context = take_context(&mut request, &api.service_identity)?;
    let message = request.into_inner();
    let token = decode::browser_token(&message.trusted_browser)?;
    let key = decode::key_thumbprint(&message.jkt)?;
    let authentication = &api.identity.authentication;
    let bound = authentication
        .bind_trusted_browser(&message.refresh_token, &token, &key, &context)
        .await;
    bound.or_status()?;
    Ok(BindTrustedBrowserResponse {})
}
