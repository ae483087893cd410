//! The causes that end logins.

use auth_proto::v1::{
    DeleteUserRequest, EndUserLoginsRequest, RevokeTokenRequest,
    auth_service_client::AuthServiceClient,
};

use crate::fixture::{Fixture, Person, cookie_status, send, sid};

const NEW_PASSWORD: &str = "something else entirely";

/// A cause that ends logins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    SignOutPage,
    ApiLogout,
    EndLoginRest,
    EndOthersPage,
    RevokeRefreshToken,
    EndUserLogins,
    DeleteUser,
    DisableCommand,
    PasswordCommand,
    PasswordPage,
}

impl Cause {
    pub(crate) const ALL: [Self; 10] = [
        Self::SignOutPage,
        Self::ApiLogout,
        Self::EndLoginRest,
        Self::EndOthersPage,
        Self::RevokeRefreshToken,
        Self::EndUserLogins,
        Self::DeleteUser,
        Self::DisableCommand,
        Self::PasswordCommand,
        Self::PasswordPage,
    ];

    /// Whether it ends the login of the browser, and whether that of the API client.
    pub(crate) const fn ends(self) -> (bool, bool) {
        match self {
            Self::SignOutPage | Self::EndLoginRest => (true, false),
            Self::ApiLogout | Self::RevokeRefreshToken => (false, true),
            Self::EndOthersPage
            | Self::EndUserLogins
            | Self::DeleteUser
            | Self::DisableCommand
            | Self::PasswordCommand
            | Self::PasswordPage => (true, true),
        }
    }
}

impl Fixture {
    /// Performs the revocation. Where that requires a session, it is another browser of the account, so that the cookie under test is
    /// not used meanwhile.
    pub(crate) async fn end(&self, person: &Person, cause: Cause) {
        let (site, name) = (&self.pair.site, person.name.as_str());
        match cause {
            Cause::SignOutPage => {
                let status = site.press("/dashboard", "/logout", &person.cookie).await;
                assert_eq!(status, 303);
            }
            Cause::ApiLogout => {
                let request = site.client().post(site.url("/api/logout"));
                let answer = request.bearer_auth(&person.access_token).send().await;
                assert_eq!(answer.unwrap().status(), 204);
            }
            Cause::EndLoginRest => {
                let path = format!("/api/logins/{}", sid(site, &person.cookie).await);
                let elsewhere = self.other.form_login(name).await;
                let answer = send(&self.other, "DELETE", &path, &elsewhere).await;
                assert_eq!(answer.status(), 204);
            }
            Cause::EndOthersPage => {
                let elsewhere = self.other.form_login(name).await;
                let action = "/account/logins/end-others";
                let status = self
                    .other
                    .press("/account/logins", action, &elsewhere)
                    .await;
                assert_eq!(status, 303);
                assert_eq!(cookie_status(site, &elsewhere).await, 200);
            }
            Cause::RevokeRefreshToken => {
                let request = RevokeTokenRequest {
                    token: person.refresh_token.clone(),
                    ..Default::default()
                };
                let mut auth = AuthServiceClient::new(self.pair.grpc().await);
                auth.revoke_token(request).await.unwrap();
            }
            Cause::EndUserLogins => {
                let user_id = self.pair.user_id(name).await;
                let (mut admin, request) = self.pair.admin(EndUserLoginsRequest { user_id }).await;
                admin.end_user_logins(request).await.unwrap();
            }
            Cause::DeleteUser => {
                let user_id = self.pair.user_id(name).await;
                let (mut admin, request) = self.pair.admin(DeleteUserRequest { user_id }).await;
                admin.delete_user(request).await.unwrap();
            }
            Cause::DisableCommand => {
                self.pair.command(&["user", "disable", name], "").await;
            }
            Cause::PasswordCommand => {
                let set = ["user", "set-password", name, "--password-stdin"];
                self.pair.command(&set, &format!("{NEW_PASSWORD}\n")).await;
            }
            Cause::PasswordPage => {
                let elsewhere = self.other.form_login(name).await;
                let status = self.other.change_password(&elsewhere, NEW_PASSWORD).await;
                assert_eq!(status, 303);
            }
        }
    }
}
