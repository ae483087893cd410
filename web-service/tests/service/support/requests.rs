//! Requests that many tests send.

use reqwest::{ClientBuilder, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::{PASSWORD, Site, tls::client_builder};

impl Site {
    /// A builder of a client that differs from [`client`](Self::client).
    pub(crate) fn client_builder(&self) -> ClientBuilder {
        client_builder(&self.authority)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Response {
        self.request(Method::GET, path)
            .header("cookie", cookie)
            .send()
            .await
            .unwrap()
    }

    /// A request as a page of this site sends it: with fetch metadata of the same origin.
    pub(crate) fn same_origin(&self, method: Method, path: &str, cookie: &str) -> RequestBuilder {
        self.request(method, path)
            .header("cookie", cookie)
            .header("sec-fetch-site", "same-origin")
    }

    /// Whether the cookies belong to a session that is alive.
    pub(crate) async fn is_signed_in(&self, cookie: &str) -> bool {
        self.get("/api/session", cookie).await.status() == 200
    }

    /// The logins of the account, as `GET /api/logins` lists them.
    pub(crate) async fn logins(&self, cookie: &str) -> Vec<Value> {
        let listed = self.get("/api/logins", cookie).await;
        assert_eq!(listed.status(), 200);
        let listed: Value = listed.json().await.unwrap();
        listed["logins"].as_array().unwrap().clone()
    }

    /// Sends a form as a page of this site does.
    pub(crate) async fn post_form(
        &self,
        path: &str,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Response {
        self.same_origin(Method::POST, path, cookie)
            .form(fields)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn api_login(&self, name: &str, password: &str) -> Response {
        self.post_json(
            "/api/login",
            &json!({"username": name, "password": password}),
        )
        .await
    }

    pub(crate) async fn tokens(&self, name: &str) -> (String, String) {
        let response = self.api_login(name, PASSWORD).await;
        assert_eq!(response.status(), 200);
        let tokens: Value = response.json().await.unwrap();
        let text = |field: &str| tokens[field].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    pub(crate) async fn profile(&self, token: &str) -> Response {
        self.request(Method::GET, "/api/profile")
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }
}

/// The request with more header fields.
pub(crate) fn with_headers(request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    })
}
