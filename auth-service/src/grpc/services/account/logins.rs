//! `ListLogins`, `EndLogin`, `EndGrant` and `EndOtherLogins`: the owner's logins.

use auth_proto::v1::{
    EndGrantRequest, EndGrantResponse, EndLoginRequest, EndLoginResponse, EndOtherLoginsRequest,
    EndOtherLoginsResponse, ListLoginsRequest, ListLoginsResponse,
};
use tonic::{Request, Status};

use crate::grpc::{decode, encode, errors::OrStatus as _, services::account::AccountApi};

pub(super) async fn list(
    api: &AccountApi,
    request: Request<ListLoginsRequest>,
) -> Result<ListLoginsResponse, Status> {
    let owner = api.owner(&request).await?;
    let logins = api.identity.logins.own_logins(&owner).await.or_status()?;
    let logins = logins
        .into_iter()
        .map(|login| encode::login(login, owner.sid));
    Ok(ListLoginsResponse {
        logins: logins.collect(),
    })
}

pub(super) async fn end(
    api: &AccountApi,
    mut request: Request<EndLoginRequest>,
) -> Result<EndLoginResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let sid = decode::sid(&request.into_inner().sid)?;
    api.identity
        .logins
        .end_own_login(&owner, sid, &context)
        .await
        .or_status()?;
    Ok(EndLoginResponse {
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}

pub(super) async fn end_grant(
    api: &AccountApi,
    mut request: Request<EndGrantRequest>,
) -> Result<EndGrantResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let id = decode::grant_id(&request.into_inner().grant_id)?;
    let ended = api.identity.logins.end_own_grant(&owner, id, &context);
    ended.await.or_status()?;
    Ok(EndGrantResponse {
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}

pub(super) async fn end_others(
    api: &AccountApi,
    mut request: Request<EndOtherLoginsRequest>,
) -> Result<EndOtherLoginsResponse, Status> {
    let (owner, context) = api.owner_in_context(&mut request).await?;
    let ended = api
        .identity
        .logins
        .end_other_logins(&owner, &context)
        .await
        .or_status()?;
    Ok(EndOtherLoginsResponse {
        ended: encode::count(ended),
        revocation_sequence: api.feed.revocation_sequence().await,
    })
}
