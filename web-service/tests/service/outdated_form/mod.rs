//! Forms of tabs that were loaded before the browser signed in or out, or its session got a new id.

mod account;
mod login;
mod logout;

use reqwest::Response;

use crate::support::{PASSWORD, Site, cookie_of, form_token, header};

#[track_caller]
fn assert_signed_out(answer: &Response) {
    assert_eq!(
        (answer.status().as_u16(), header(answer, "location")),
        (303, "/login?signed_out")
    );
}

/// A sign-in form as a page contains it.
struct Form {
    token: String,
    page: String,
    cookie: String,
}

impl Form {
    async fn of(answer: Response, cookie: &str) -> Self {
        let cookie = cookie_of(&answer, "__Host-login").unwrap_or_else(|| cookie.to_owned());
        let page = answer.text().await.unwrap();
        let token = form_token(&page);
        Self {
            token,
            page,
            cookie,
        }
    }

    async fn send(&self, site: &Site, cookie: &str, name: &str) -> Response {
        let fields = [
            ("csrf_token", self.token.as_str()),
            ("username", name),
            ("password", PASSWORD),
            ("next", "/account/password"),
        ];
        site.post_form("/login", cookie, &fields).await
    }
}
