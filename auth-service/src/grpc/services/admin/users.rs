//! Accounts: `CreateUser`, `GetUser`, `ListUsers`, `DisableUser`, `EnableUser`, `DeleteUser`, `SetPassword`, `EndUserLogins`.

use auth_proto::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse,
    DisableUserRequest, DisableUserResponse, EnableUserRequest, EnableUserResponse,
    EndUserLoginsRequest, EndUserLoginsResponse, GetUserRequest, GetUserResponse, ListUsersRequest,
    ListUsersResponse, SetPasswordRequest, SetPasswordResponse, get_user_request::Lookup,
};
use tonic::{Request, Status};

use crate::grpc::{
    decode, encode,
    errors::{OrStatus as _, invalid},
    services::admin::{AdminApi, page::PageSize},
};

pub(super) async fn create(
    api: &AdminApi,
    request: Request<CreateUserRequest>,
) -> Result<CreateUserResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let username = decode::username("username", &message.username)?;
    let user = api
        .accounts
        .create(username, &message.password, message.admin, &context)
        .await
        .or_status()?;
    Ok(CreateUserResponse {
        user: Some(encode::user(user)),
    })
}

pub(super) async fn get(
    api: &AdminApi,
    request: Request<GetUserRequest>,
) -> Result<GetUserResponse, Status> {
    api.admin(&request).await?;
    let user = match request.into_inner().lookup {
        Some(Lookup::UserId(id)) => {
            let id = decode::user_id("user_id", &id)?;
            api.accounts.by_id(id).await.or_status()?
        }
        Some(Lookup::Username(name)) => {
            let username = decode::username("username", &name)?;
            api.accounts.by_name(&username).await.or_status()?
        }
        None => return Err(invalid("lookup", "a user_id or a username is required")),
    };
    Ok(GetUserResponse {
        user: Some(encode::user(user)),
    })
}

pub(super) async fn list(
    api: &AdminApi,
    request: Request<ListUsersRequest>,
) -> Result<ListUsersResponse, Status> {
    api.admin(&request).await?;
    let message = request.into_inner();
    let size = PageSize::decode(message.page_size)?;
    let after = decode::optional(message.page_token)
        .map(|token| decode::username("page_token", &token))
        .transpose()?;
    let users = api.accounts.list(after.as_ref(), size.limit()).await;
    let mut users = users.or_status()?;
    Ok(ListUsersResponse {
        next_page_token: size.cut(&mut users, |user| user.username.to_string()),
        users: users.into_iter().map(encode::user).collect(),
    })
}

pub(super) async fn disable(
    api: &AdminApi,
    request: Request<DisableUserRequest>,
) -> Result<DisableUserResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    let disabled = api.accounts.disable(id, &context).await.or_status()?;
    Ok(DisableUserResponse {
        user: Some(encode::user(disabled.user)),
    })
}

pub(super) async fn enable(
    api: &AdminApi,
    request: Request<EnableUserRequest>,
) -> Result<EnableUserResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    let enabled = api.accounts.enable(id, &context).await.or_status()?;
    Ok(EnableUserResponse {
        user: Some(encode::user(enabled.user)),
    })
}

pub(super) async fn delete(
    api: &AdminApi,
    request: Request<DeleteUserRequest>,
) -> Result<DeleteUserResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    api.accounts.delete(id, &context).await.or_status()?;
    Ok(DeleteUserResponse {})
}

pub(super) async fn set_password(
    api: &AdminApi,
    request: Request<SetPasswordRequest>,
) -> Result<SetPasswordResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    let password = &message.new_password;
    let set = api.accounts.set_password(id, password, &context).await;
    set.or_status()?;
    Ok(SetPasswordResponse {})
}

pub(super) async fn end_logins(
    api: &AdminApi,
    request: Request<EndUserLoginsRequest>,
) -> Result<EndUserLoginsResponse, Status> {
    let (context, message) = api.admin_call(request).await?;
    let id = decode::user_id("user_id", &message.user_id)?;
    let user = api.accounts.by_id(id).await.or_status()?;
    let ended = api
        .identity
        .logins
        .end_user_logins(user.id, &context)
        .await
        .or_status()?;
    Ok(EndUserLoginsResponse {
        ended: encode::count(ended),
    })
}
