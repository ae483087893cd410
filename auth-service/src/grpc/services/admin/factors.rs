//! Factors of accounts: `ListUserFactors`, `ResetUserFactors`, `SetSecondFactorRequired`.

use auth_proto::v1::{
    ListUserFactorsRequest, ListUserFactorsResponse, ResetUserFactorsRequest,
    ResetUserFactorsResponse, SetSecondFactorRequiredRequest, SetSecondFactorRequiredResponse,
};
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::admin::AdminApi};

pub(super) async fn list(
    api: &AdminApi,
    request: Request<ListUserFactorsRequest>,
) -> Result<ListUserFactorsResponse, Status> {
    api.admin(&request).await?;
    let id = decode::user_id("user_id", &request.into_inner().user_id)?;
    let credentials = api.accounts.credentials(id).await.or_status()?;
    Ok(ListUserFactorsResponse {
        factors: Some(encode::account_factors(credentials)),
    })
}

pub(super) async fn reset(
    api: &AdminApi,
    request: Request<ResetUserFactorsRequest>,
) -> Result<ResetUserFactorsResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    api.accounts.reset_factors(id, &context).await.or_status()?;
    Ok(ResetUserFactorsResponse {})
}

pub(super) async fn require(
    api: &AdminApi,
    request: Request<SetSecondFactorRequiredRequest>,
) -> Result<SetSecondFactorRequiredResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    let accounts = &api.accounts;
    let change = accounts.require_second_factor(id, message.required, &context);
    let change = change.await.or_status()?;
    Ok(SetSecondFactorRequiredResponse {
        user: Some(encode::user(change.user)),
    })
}
