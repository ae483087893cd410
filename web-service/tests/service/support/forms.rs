//! Pages and their forms, as a browser without scripts uses them.

use reqwest::{Method, Response};

use super::{PASSWORD, Site, cookie_of};

impl Site {
    /// The cookie and the CSRF token of the sign-in form.
    pub(crate) async fn login_form(&self) -> (String, String) {
        let page = self.request(Method::GET, "/login").send().await.unwrap();
        let cookie = cookie_of(&page, "__Host-login").unwrap();
        (cookie, form_token(&page.text().await.unwrap()))
    }

    /// Sends the sign-in form and returns the response.
    pub(crate) async fn submit_login(&self, fields: &[(&str, &str)]) -> Response {
        let (cookie, token) = self.login_form().await;
        let fields: Vec<_> = fields
            .iter()
            .copied()
            .chain([("csrf_token", token.as_str())])
            .collect();
        self.post_form("/login", &cookie, &fields).await
    }

    /// Signs in and returns the session cookie, as `name=value`.
    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let response = self
            .submit_login(&[("username", name), ("password", PASSWORD)])
            .await;
        assert_eq!(response.status(), 303);
        cookie_of(&response, "__Host-session").unwrap()
    }

    /// The CSRF token of the forms on a page.
    pub(crate) async fn page_token(&self, path: &str, cookie: &str) -> String {
        form_token(&self.get(path, cookie).await.text().await.unwrap())
    }

    /// Reauthenticates on `/account/confirm`.
    pub(crate) async fn confirm_password(&self, cookie: &str) -> Response {
        let token = self.page_token("/account/confirm", cookie).await;
        let fields = [
            ("csrf_token", token.as_str()),
            ("confirm_password", PASSWORD),
        ];
        self.post_form("/account/confirm", cookie, &fields).await
    }

    /// Sends the form of `/account/password`.
    pub(crate) async fn change_password(&self, cookie: &str, current: &str, new: &str) -> Response {
        let token = self.page_token("/account/password", cookie).await;
        let fields = [
            ("csrf_token", token.as_str()),
            ("current_password", current),
            ("new_password", new),
            ("new_password_again", new),
        ];
        self.post_form("/account/password", cookie, &fields).await
    }

    /// Sends a sign-out form with a CSRF token.
    pub(crate) async fn sign_out(&self, cookie: &str, token: &str) -> Response {
        self.post_form("/logout", cookie, &[("csrf_token", token)])
            .await
    }
}

/// The CSRF token of the first form in a page.
pub(crate) fn form_token(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"csrf_token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}
