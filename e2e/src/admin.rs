//! Calls over gRPC, as an account with tokens of its own and as an administrator.

use auth_proto::v1::{
    GetUserRequest, IssueTokenRequest, IssueTokenResponse, LoginRequest,
    account_service_client::AccountServiceClient, admin_service_client::AdminServiceClient,
    auth_service_client::AuthServiceClient, get_user_request::Lookup, issue_token_request::Grant,
};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use crate::pair::{PASSWORD, Pair};

/// The administrator as whom calls are made; a test has to add this account.
pub const ADMINISTRATOR: &str = "root";

impl Pair {
    /// A connection to the gRPC port.
    pub async fn grpc(&self) -> Channel {
        let url = format!("http://{}", self.auth_address);
        Endpoint::from_shared(url).unwrap().connect().await.unwrap()
    }

    /// Signs in over gRPC.
    pub async fn grpc_tokens(&self, name: &str, scope: &str) -> IssueTokenResponse {
        let mut auth = AuthServiceClient::new(self.grpc().await);
        let login = LoginRequest {
            username: name.to_owned(),
            password: PASSWORD.to_owned(),
            client: None,
        };
        let ticket = auth.login(login).await.unwrap().into_inner().login_ticket;
        let request = IssueTokenRequest {
            grant: Some(Grant::LoginTicket(ticket)),
            scope: scope.to_owned(),
            ..Default::default()
        };
        auth.issue_token(request).await.unwrap().into_inner()
    }

    /// A client of `AdminService`, and a request with the token of the administrator.
    pub async fn admin<T>(&self, message: T) -> (AdminServiceClient<Channel>, Request<T>) {
        let issued = self.grpc_tokens(ADMINISTRATOR, "admin").await;
        let request = bearer(message, &issued.access_token);
        (AdminServiceClient::new(self.grpc().await), request)
    }

    /// A client of `AccountService`.
    pub async fn account(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.grpc().await)
    }

    /// The identifier of an account.
    pub async fn user_id(&self, name: &str) -> String {
        let lookup = GetUserRequest {
            lookup: Some(Lookup::Username(name.to_owned())),
        };
        let (mut admin, request) = self.admin(lookup).await;
        let user = admin.get_user(request).await.unwrap().into_inner().user;
        user.unwrap().id
    }
}

/// A request with an access token.
#[must_use]
pub fn bearer<T>(message: T, access_token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {access_token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}
