//! A client of web-service: browser forms without scripts, and the REST API.

use std::path::PathBuf;

use reqwest::{Certificate, Client, ClientBuilder, Method, Response, redirect::Policy};
use serde_json::{Value, json};

/// The origin of a web-service, its certificate authority, and the password of its accounts.
#[derive(Clone)]
pub struct Site {
    /// Scheme, host and port.
    pub origin: String,
    /// PEM file of the certificate authority that web-service created.
    pub ca_file: PathBuf,
    /// The password of its accounts.
    pub password: String,
}

impl Site {
    /// A URL of web-service.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// An HTTP client that trusts this certificate authority and does not follow redirects.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_with(|builder| builder)
    }

    /// The same client with further options.
    #[must_use]
    pub fn client_with(&self, set_up: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let authority = std::fs::read(&self.ca_file).unwrap();
        let builder = Client::builder()
            .tls_certs_only([Certificate::from_pem(&authority).unwrap()])
            .redirect(Policy::none())
            .no_proxy();
        set_up(builder).build().unwrap()
    }

    /// `POST /api/login`.
    pub async fn api_login(&self, username: &str, password: &str) -> Response {
        let body = json!({"username": username, "password": password});
        self.client()
            .post(self.url("/api/login"))
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    /// Signs in over REST and returns the JSON of the response.
    pub async fn tokens(&self, username: &str) -> Value {
        let response = self.api_login(username, &self.password).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Signs in with the form, as a browser without scripts does, and returns the session cookie as `name=value`.
    pub async fn form_login(&self, username: &str) -> String {
        let response = self.try_form_login(username).await;
        let cookie = cookie_of(&response, "__Host-session");
        assert_eq!(response.status(), 303, "{}", response.text().await.unwrap());
        cookie.unwrap()
    }

    /// Loads the sign-in page, submits its form and returns the response.
    pub async fn try_form_login(&self, username: &str) -> Response {
        let client = self.client();
        let page = client.get(self.url("/login")).send().await.unwrap();
        let cookie = cookie_of(&page, "__Host-login").unwrap();
        let token = form_token(&page.text().await.unwrap());
        let form = [
            ("username", username),
            ("password", &self.password),
            ("csrf_token", &token),
        ];
        let request = client.post(self.url("/login")).header("cookie", cookie);
        let request = request.header("origin", self.url(""));
        request.form(&form).send().await.unwrap()
    }

    /// The CSRF token of a page.
    pub async fn page_token(&self, path: &str, cookie: &str) -> String {
        form_token(&self.get(path, cookie).await.text().await.unwrap())
    }

    /// Submits a form as a page of the same origin does.
    pub async fn post_form(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.client().post(self.url(path)).header("cookie", cookie);
        let request = request.header("sec-fetch-site", "same-origin");
        request.form(fields).send().await.unwrap()
    }

    /// The `sid` of a session.
    pub async fn sid(&self, cookie: &str) -> String {
        let session = self.get("/api/session", cookie).await;
        let session: Value = session.json().await.unwrap();
        session["sid"].as_str().unwrap().to_owned()
    }

    /// Presses a button of a page: submits a form whose only field is the CSRF token. Returns the status.
    pub async fn press(&self, page: &str, action: &str, cookie: &str) -> u16 {
        let token = self.page_token(page, cookie).await;
        let form = [("csrf_token", token.as_str())];
        let answer = self.post_form(action, cookie, &form).await;
        answer.status().as_u16()
    }

    /// Changes the password of the account with the form. Returns the status.
    pub async fn change_password(&self, cookie: &str, new: &str) -> u16 {
        let page = "/account/password";
        let token = self.page_token(page, cookie).await;
        let form = [
            ("csrf_token", token.as_str()),
            ("current_password", &self.password),
            ("new_password", new),
            ("new_password_again", new),
        ];
        let answer = self.post_form(page, cookie, &form).await;
        answer.status().as_u16()
    }

    /// Sends JSON as a page of the same origin does.
    pub async fn send_json(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        body: &Value,
    ) -> Response {
        let request = self.client().request(method, self.url(path)).json(body);
        let request = request
            .header("cookie", cookie)
            .header("sec-fetch-site", "same-origin");
        request.send().await.unwrap()
    }

    /// Sends a `GET` request with a cookie.
    pub async fn get(&self, path: &str, cookie: &str) -> Response {
        let request = self.client().get(self.url(path)).header("cookie", cookie);
        request.send().await.unwrap()
    }
}

/// The cookie that a response sets, as `name=value`.
#[must_use]
pub fn cookie_of(response: &Response, name: &str) -> Option<String> {
    let mut cookies = response.headers().get_all("set-cookie").into_iter();
    cookies.find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?;
        pair.starts_with(&format!("{name}="))
            .then(|| pair.to_owned())
    })
}

/// The CSRF token of the first form of a page.
#[must_use]
pub fn form_token(html: &str) -> String {
    let (_, rest) = html
        .split_once("name=\"csrf_token\" value=\"")
        .expect("a form");
    rest.split('"').next().unwrap().to_owned()
}
