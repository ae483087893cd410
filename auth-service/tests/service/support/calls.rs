//! RPCs that many tests make, by a client without service identity.

use auth_proto::v1::{
    CreateUserRequest, IssueTokenRequest, IssueTokenResponse, LoginRequest, LoginResponse, User,
    ValidateTokenRequest,
};
use tonic::Status;

use super::{PASSWORD, TestService, bearer, with_refresh, with_ticket};

impl TestService {
    pub(crate) async fn login(&self, name: &str) -> LoginResponse {
        self.try_login(name, PASSWORD).await.unwrap()
    }

    pub(crate) async fn try_login(
        &self,
        name: &str,
        password: &str,
    ) -> Result<LoginResponse, Status> {
        let request = LoginRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            client: None,
        };
        Ok(self.auth().login(request).await?.into_inner())
    }

    /// Signs in and exchanges the login ticket.
    pub(crate) async fn tokens(&self, name: &str, scope: &str) -> IssueTokenResponse {
        let ticket = self.login(name).await.login_ticket;
        self.try_exchange(&ticket, scope).await.unwrap()
    }

    pub(crate) async fn try_exchange(
        &self,
        ticket: &str,
        scope: &str,
    ) -> Result<IssueTokenResponse, Status> {
        self.try_issue(with_ticket(ticket, scope)).await
    }

    pub(crate) async fn try_refresh(&self, token: &str) -> Result<IssueTokenResponse, Status> {
        self.try_issue(with_refresh(token)).await
    }

    pub(crate) async fn try_issue(
        &self,
        request: impl tonic::IntoRequest<IssueTokenRequest>,
    ) -> Result<IssueTokenResponse, Status> {
        Ok(self.auth().issue_token(request).await?.into_inner())
    }

    pub(crate) async fn try_validate(
        &self,
        token: &str,
    ) -> Result<auth_proto::v1::AccessTokenClaims, Status> {
        let request = ValidateTokenRequest {
            access_token: token.to_owned(),
            ..Default::default()
        };
        let response = self.auth().validate_token(request).await?;
        Ok(response.into_inner().claims.unwrap())
    }

    /// Revokes a token; returns the `revocation_sequence` of the response.
    pub(crate) async fn revoke(&self, token: &str) -> i64 {
        let request = auth_proto::v1::RevokeTokenRequest {
            token: token.to_owned(),
            ..Default::default()
        };
        let revoked = self.auth().revoke_token(request).await.unwrap();
        revoked.into_inner().revocation_sequence
    }

    /// Creates the administrator `root`; returns an access token with the scope `admin`.
    pub(crate) async fn admin_token(&self) -> String {
        self.add_user("root", true).await;
        self.tokens("root", "admin account").await.access_token
    }

    pub(crate) async fn create_user(
        &self,
        admin_token: &str,
        name: &str,
        password: &str,
    ) -> Result<User, Status> {
        let request = CreateUserRequest {
            username: name.to_owned(),
            password: password.to_owned(),
            admin: false,
        };
        let response = self
            .admin()
            .create_user(bearer(request, admin_token))
            .await?;
        Ok(response.into_inner().user.unwrap())
    }
}
