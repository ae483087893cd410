//! The causes that end logins.

use auth_proto::v1::{
    DeleteUserRequest, EndUserLoginsRequest, RevokeTokenRequest,
    auth_service_client::AuthServiceClient,
};
use e2e::site::Site;

use crate::fixture::{Fixture, Person, cookie_status, send, sid};

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
                let status = submit(site, "/dashboard", "/logout", &person.cookie).await;
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
                let status = submit(&self.other, "/account/logins", action, &elsewhere).await;
                assert_eq!(status, 303);
                assert_eq!(cookie_status(site, &elsewhere).await, 200);
            }
            Cause::RevokeRefreshToken => {
                let request = RevokeTokenRequest {
                    token: person.refresh_token.clone(),
                    ..Default::default()
                };
                let mut auth = AuthServiceClient::new(self.grpc().await);
                auth.revoke_token(request).await.unwrap();
            }
            Cause::EndUserLogins => {
                let user_id = self.user_id(name).await;
                let (mut admin, request) = self.admin(EndUserLoginsRequest { user_id }).await;
                admin.end_user_logins(request).await.unwrap();
            }
            Cause::DeleteUser => {
                let user_id = self.user_id(name).await;
                let (mut admin, request) = self.admin(DeleteUserRequest { user_id }).await;
                admin.delete_user(request).await.unwrap();
            }
            Cause::DisableCommand => {
                self.pair.command(&["user", "disable", name], "").await;
            }
            Cause::PasswordCommand => {
                let set = ["user", "set-password", name, "--password-stdin"];
                self.pair.command(&set, "something else entirely\n").await;
            }
            Cause::PasswordPage => {
                let elsewhere = self.other.form_login(name).await;
                let status = change_password(&self.other, &elsewhere).await;
                assert_eq!(status, 303);
            }
        }
    }
}

/// Submits a form whose only field is the CSRF token.
pub(crate) async fn submit(site: &Site, page: &str, action: &str, cookie: &str) -> u16 {
    let token = site.page_token(page, cookie).await;
    let form = [("csrf_token", token.as_str())];
    site.post_form(action, cookie, &form)
        .await
        .status()
        .as_u16()
}

async fn change_password(site: &Site, cookie: &str) -> u16 {
    let token = site.page_token("/account/password", cookie).await;
    let new = "something else entirely";
    let form = [
        ("csrf_token", token.as_str()),
        ("current_password", e2e::pair::PASSWORD),
        ("new_password", new),
        ("new_password_again", new),
    ];
    let answer = site.post_form("/account/password", cookie, &form).await;
    answer.status().as_u16()
}
