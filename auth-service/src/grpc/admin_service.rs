//! `auth.v1.AdminService`.

use std::sync::Arc;

use auth_proto::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse,
    DisableUserRequest, DisableUserResponse, EnableUserRequest, EnableUserResponse,
    EndUserLoginsRequest, EndUserLoginsResponse, GetUserRequest, GetUserResponse, ListUsersRequest,
    ListUsersResponse, SetPasswordRequest, SetPasswordResponse, admin_service_server::AdminService,
    get_user_request::Lookup,
};
use tonic::{Request, Response, Status};

use super::{caller::person, decode, encode, status::invalid};
use crate::domain::{
    access_token::Claims, accounts::Accounts, authority::Authority, id::UserId, scope::Scope,
};

const DEFAULT_PAGE: u32 = 50;
const MAX_PAGE: u32 = 200;

pub(super) struct AdminApi {
    pub(super) authority: Arc<Authority>,
    pub(super) accounts: Accounts,
}

impl AdminApi {
    async fn admin<T: Sync>(&self, request: &Request<T>) -> Result<Claims, Status> {
        person(&self.authority, request, Scope::Admin).await
    }
}

#[tonic::async_trait]
impl AdminService for AdminApi {
    async fn create_user(
        &self,
        request: Request<CreateUserRequest>,
    ) -> Result<Response<CreateUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let message = request.into_inner();
        let username = decode::username("username", &message.username)?;
        let user = self
            .accounts
            .create(username, &message.password, message.admin)
            .await?;
        log(&admin, user.id, "account created");
        Ok(Response::new(CreateUserResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        self.admin(&request).await?;
        let user = match request.into_inner().lookup {
            Some(Lookup::UserId(id)) => {
                self.accounts
                    .by_id(decode::user_id("user_id", &id)?)
                    .await?
            }
            Some(Lookup::Username(name)) => {
                let username = decode::username("username", &name)?;
                self.accounts.by_name(&username).await?
            }
            None => return Err(invalid("lookup", "give a user_id or a username")),
        };
        Ok(Response::new(GetUserResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn list_users(
        &self,
        request: Request<ListUsersRequest>,
    ) -> Result<Response<ListUsersResponse>, Status> {
        self.admin(&request).await?;
        let message = request.into_inner();
        let size = page_size(message.page_size)?;
        let after = decode::optional(message.page_token)
            .map(|token| decode::username("page_token", &token))
            .transpose()?;
        // One more than asked tells whether there is a next page.
        let mut users = self.accounts.list(after.as_ref(), size + 1).await?;
        let is_last = users.len() <= size as usize;
        users.truncate(size as usize);
        let last = users.last().filter(|_| !is_last);
        Ok(Response::new(ListUsersResponse {
            next_page_token: last
                .map(|user| user.username.to_string())
                .unwrap_or_default(),
            users: users.into_iter().map(encode::user).collect(),
        }))
    }

    async fn disable_user(
        &self,
        request: Request<DisableUserRequest>,
    ) -> Result<Response<DisableUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        let user = self.accounts.disable(id).await?;
        log(&admin, id, "account disabled; all of its logins ended");
        Ok(Response::new(DisableUserResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn enable_user(
        &self,
        request: Request<EnableUserRequest>,
    ) -> Result<Response<EnableUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        let user = self.accounts.enable(id).await?;
        log(&admin, id, "account enabled");
        Ok(Response::new(EnableUserResponse {
            user: Some(encode::user(user)),
        }))
    }

    async fn delete_user(
        &self,
        request: Request<DeleteUserRequest>,
    ) -> Result<Response<DeleteUserResponse>, Status> {
        let admin = self.admin(&request).await?;
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        self.accounts.delete(id).await?;
        log(&admin, id, "account deleted; all of its logins ended");
        Ok(Response::new(DeleteUserResponse {}))
    }

    async fn set_password(
        &self,
        request: Request<SetPasswordRequest>,
    ) -> Result<Response<SetPasswordResponse>, Status> {
        let admin = self.admin(&request).await?;
        let message = request.into_inner();
        let id = decode::user_id("user_id", &message.user_id)?;
        self.accounts
            .set_password(id, &message.new_password)
            .await?;
        log(&admin, id, "password set; all logins of the account ended");
        Ok(Response::new(SetPasswordResponse {}))
    }

    async fn end_user_logins(
        &self,
        request: Request<EndUserLoginsRequest>,
    ) -> Result<Response<EndUserLoginsResponse>, Status> {
        let admin = self.admin(&request).await?;
        let id = decode::user_id("user_id", &request.into_inner().user_id)?;
        let user = self.accounts.by_id(id).await?;
        let ended = self.authority.end_user_logins(user.id).await?;
        log(&admin, id, "all logins of the account ended");
        Ok(Response::new(EndUserLoginsResponse {
            ended: ended.try_into().unwrap_or(i64::MAX),
        }))
    }
}

fn page_size(asked: i32) -> Result<u32, Status> {
    match u32::try_from(asked) {
        Ok(0) => Ok(DEFAULT_PAGE),
        Ok(size) if size <= MAX_PAGE => Ok(size),
        _ => Err(invalid("page_size", "must be from 0 to 200")),
    }
}

fn log(admin: &Claims, user: UserId, what: &str) {
    tracing::info!(admin = %admin.subject, sid = %admin.sid, %user, "{what}");
}
