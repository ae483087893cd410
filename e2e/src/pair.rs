//! Both services as they are deployed: two processes, a database file, a data directory.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Certificate, Client, Response, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    port,
    program::{Program, built, run},
};

/// The password of every account that [`Pair::add_user`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

const SERVICE_SECRET: &str = "the secret between the two services";

/// What distinguishes one pair from another. A setting with an empty value is left out.
#[derive(Clone, Default)]
pub struct Options {
    /// Further settings of web-service.
    pub web: Vec<(&'static str, String)>,
    /// Further settings of auth-service.
    pub auth: Vec<(&'static str, String)>,
}

/// A running pair.
pub struct Pair {
    /// auth-service.
    pub auth: Program,
    /// web-service.
    pub web: Program,
    /// Where gRPC is served.
    pub auth_address: SocketAddr,
    /// Where HTTPS is served.
    pub web_address: SocketAddr,
    /// What the services keep.
    pub directory: Arc<TempDir>,
    /// With what settings they are started again.
    pub options: Options,
}

impl Pair {
    /// A pair with sessions in memory.
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// A pair with these settings.
    pub async fn start_with(options: Options) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let (auth, auth_address) = start_auth(directory.path(), &listen(), &options).await;
        let (web, web_address) =
            start_web(directory.path(), &listen(), auth_address, &options).await;
        Self {
            auth,
            web,
            auth_address,
            web_address,
            directory,
            options,
        }
    }

    /// Stops web-service and starts it again on the same port.
    pub async fn restart_web(&mut self) {
        let listen = self.web_address.to_string();
        self.web.signal(rustix::process::Signal::TERM);
        assert!(self.web.exit().await.success());
        let (web, _) = start_web(
            self.directory.path(),
            &listen,
            self.auth_address,
            &self.options,
        )
        .await;
        self.web = web;
    }

    /// Starts auth-service again on the same port, after it was stopped.
    pub async fn start_auth_again(&mut self) {
        let listen = self.auth_address.to_string();
        self.auth = start_auth(self.directory.path(), &listen, &self.options)
            .await
            .0;
    }

    /// What web-service's ops port says of its readiness.
    pub async fn ready_web(&mut self) -> u16 {
        let line = self.web.logged("listening").await;
        let url = format!("http://{}/readyz", line["ops_address"].as_str().unwrap());
        self.client()
            .get(url)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    /// Makes an account with the command line, beside the running service.
    pub async fn add_user(&self, name: &str, flags: &[&str]) {
        let arguments = [&["user", "add", name, "--password-stdin"], flags].concat();
        self.command(&arguments, PASSWORD).await;
    }

    /// Runs a command of auth-service beside the running service.
    pub async fn command(&self, arguments: &[&str], input: &str) -> String {
        let data_dir = self.directory.path();
        let (success, said) = run(
            "auth-service",
            arguments,
            &[("AUTH_DATA_DIR", data_dir)],
            input,
        )
        .await;
        assert!(success, "{said}");
        said
    }

    /// A URL of web-service.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.web_address.port())
    }

    /// The certificate authority that web-service made.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A client that trusts that authority and follows no redirect.
    #[must_use]
    pub fn client(&self) -> Client {
        let authority = std::fs::read(self.ca_file()).unwrap();
        Client::builder()
            .tls_certs_only([Certificate::from_pem(&authority).unwrap()])
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap()
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

    /// Signs in over REST and gives the answer's JSON.
    pub async fn tokens(&self, username: &str) -> Value {
        let response = self.api_login(username, PASSWORD).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Signs in with the form, as a browser without scripts does, and gives the session cookie as `name=value`.
    pub async fn form_login(&self, username: &str) -> String {
        let response = self.try_form_login(username).await;
        let cookie = cookie_of(&response, "__Host-session");
        assert_eq!(response.status(), 303, "{}", response.text().await.unwrap());
        cookie.unwrap()
    }

    /// Sends the sign-in form.
    pub async fn try_form_login(&self, username: &str) -> Response {
        let client = self.client();
        let page = client.get(self.url("/login")).send().await.unwrap();
        let cookie = cookie_of(&page, "__Host-login").unwrap();
        let token = form_token(&page.text().await.unwrap());
        let form = [
            ("username", username),
            ("password", PASSWORD),
            ("csrf_token", &token),
        ];
        let request = client.post(self.url("/login")).header("cookie", cookie);
        let request = request.header("origin", self.url(""));
        request.form(&form).send().await.unwrap()
    }

    /// `GET` with a cookie.
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

/// The hidden token of a page's first form.
#[must_use]
pub fn form_token(html: &str) -> String {
    let (_, rest) = html
        .split_once("name=\"csrf_token\" value=\"")
        .expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

async fn start_auth(directory: &Path, listen: &str, options: &Options) -> (Program, SocketAddr) {
    let mut command = Command::new(built("auth-service"));
    command
        .env("AUTH_LISTEN", listen)
        .env("AUTH_OPS_LISTEN", "127.0.0.1:0")
        .env("AUTH_DATA_DIR", directory)
        .env("AUTH_ISSUER", "https://id.example")
        .env("AUTH_KEY_ENCRYPTION_KEY", STANDARD.encode([7; 32]))
        .env("AUTH_SERVICE_SECRET", SERVICE_SECRET)
        .env("AUTH_REFLECTION", "true")
        .env("AUTH_LOG_FORMAT", "json");
    set(&mut command, &options.auth);
    listening(Program::start(&mut command)).await
}

async fn start_web(
    directory: &Path,
    listen: &str,
    auth: SocketAddr,
    options: &Options,
) -> (Program, SocketAddr) {
    let mut command = Command::new(built("web-service"));
    command
        .env("WEB_LISTEN", listen)
        .env("WEB_OPS_LISTEN", "127.0.0.1:0")
        .env("WEB_DATA_DIR", directory)
        .env("WEB_AUTH_URL", auth_url(auth, options))
        .env("WEB_AUTH_SECRET", SERVICE_SECRET)
        .env("WEB_SECRET_KEY", STANDARD.encode([8; 32]))
        .env("WEB_LOG_FORMAT", "json");
    set(&mut command, &options.web);
    listening(Program::start(&mut command)).await
}

fn listen() -> String {
    format!("127.0.0.1:{}", port::free())
}

fn auth_url(address: SocketAddr, options: &Options) -> String {
    if options
        .auth
        .iter()
        .any(|(name, _)| *name == "AUTH_TLS_CERT")
    {
        format!("https://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

fn set(command: &mut Command, settings: &[(&'static str, String)]) {
    for (name, value) in settings {
        if value.is_empty() {
            command.env_remove(name);
        } else {
            command.env(name, value);
        }
    }
}

async fn listening(mut program: Program) -> (Program, SocketAddr) {
    let line = program.logged("listening").await;
    let address = line["address"].as_str().unwrap().parse().unwrap();
    (program, address)
}
