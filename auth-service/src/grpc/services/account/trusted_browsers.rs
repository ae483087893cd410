//! The owner's trusted browsers: `ListTrustedBrowsers`, `EndTrustedBrowser`.

use auth_proto::v1::{
    EndTrustedBrowserRequest, EndTrustedBrowserResponse, ListTrustedBrowsersRequest,
    ListTrustedBrowsersResponse,
};
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::account::AccountApi};

pub(super) async fn list(
    api: &AccountApi,
    request: Request<ListTrustedBrowsersRequest>,
) -> Result<ListTrustedBrowsersResponse, Status> {
    let owner = api.owner(&request).await?;
    let browsers = api.identity.authentication.trusted_browsers(&owner).await;
    let browsers = browsers.or_status()?.into_iter();
    Ok(ListTrustedBrowsersResponse {
        browsers: browsers.map(encode::trusted_browser).collect(),
    })
}

pub(super) async fn end(
    api: &AccountApi,
    mut request: Request<EndTrustedBrowserRequest>,
) -> Result<EndTrustedBrowserResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let id = decode::browser_id(&request.into_inner().browser_id)?;
    let authentication = &api.identity.authentication;
    let ended = authentication
        .end_trusted_browser(&owner, id, &context)
        .await;
    ended.or_status()?;
    Ok(EndTrustedBrowserResponse {})
}
